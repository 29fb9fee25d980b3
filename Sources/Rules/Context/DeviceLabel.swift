import Facts
import Prediction

extension RealizePrediction {
  /// Name for messages: "`hostdev0` (0000:01:00.0)".
  public var name: String { label.description }

  /// The device, to compare it with that of a finding.
  public var label: DeviceLabel { DeviceLabel(request, at: host) }

  /// The fact that is missing where `host` is nil.
  var missingHost: Unknown { Unknown("host device of \(name)", reason: request.unnamedHost) }
}

/// A device that a finding is about. Its name for messages is formatted only when it is printed.
public struct DeviceLabel: Hashable, Sendable, CustomStringConvertible {
  /// The device's id in the guest.
  public let id: String?
  let driver: String?
  /// The host function; nil when the request names none that can be resolved.
  public let host: PCIAddress?

  init(_ request: DeviceRequest, at host: PCIAddress?) { self.init(id: request.id, driver: request.driver, host: host) }

  init(id: String?, driver: String?, host: PCIAddress?) {
    self.id = id
    self.driver = driver
    self.host = host
  }

  /// Text of the form "`hostdev0` (0000:01:00.0)".
  public var description: String {
    switch (id, host) {
    case (.some(let id), .some(let host)): return "`\(id)` (\(host))"
    case (.some(let id), nil): return "`\(id)`"
    case (nil, .some(let host)): return "\(host)"
    case (nil, nil): return "`\(driver ?? "device")`"
    }
  }
}
