import Common
import Facts
import Prediction
import Report

/// `vfiogate predict`: the ats decision, with nothing but its arguments.
public struct Predict: Sendable {
  public var question: ATSInputs
  public var host: String
  public var id: String?
  public var format: OutputFormat
  public var style: Style

  public init(question: ATSInputs, host: String, id: String?, format: OutputFormat, style: Style) {
    self.question = question
    self.host = host
    self.id = id
    self.format = format
    self.style = style
  }

  public func run() -> Answer {
    let report = PredictReport(question, host: host, id: id)
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

public enum TableFormat: String, Sendable, CaseIterable {
  case text, json, markdown
}
