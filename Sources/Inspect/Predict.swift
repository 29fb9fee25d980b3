import Common
import Facts
import Prediction
import Report

/// `vfiogate predict`: the ats decision, from its arguments alone.
public struct Predict: Sendable {
  /// The inputs of the decision, known or unknown.
  public var inputs: ATSInputs
  /// The host function's address as QEMU prints it; used in texts only.
  public var host: String
  /// The device's id; used in texts only.
  public var id: String?
  /// Text for people, or JSON.
  public var format: OutputFormat
  /// Colours of the text.
  public var style: Style

  /// Creates a prediction; it reads neither a host nor a QEMU.
  public init(inputs: ATSInputs, host: String, id: String?, format: OutputFormat, style: Style) {
    self.inputs = inputs
    self.host = host
    self.id = id
    self.format = format
    self.style = style
  }

  /// The decision step by step, and its outcome. The exit code is always 0.
  public func run() -> Answer {
    let report = PredictReport(inputs, host: host, id: id)
    switch format {
    case .text: return Answer(output: report.text(style))
    case .json: return Answer(output: report.json.text(indented: true) + "\n")
    }
  }

  /// `predict --table`.
  public static func table(_ behaviour: ATSBehaviour, _ format: TableFormat) -> Answer {
    switch format {
    case .text: return Answer(output: TableReport.text(behaviour))
    case .json: return Answer(output: TableReport.json(behaviour).text(indented: true) + "\n")
    case .markdown: return Answer(output: TableReport.markdown(behaviour))
    }
  }
}

/// Formats of `predict --table`.
public enum TableFormat: String, Sendable, CaseIterable {
  case text, json, markdown
}
