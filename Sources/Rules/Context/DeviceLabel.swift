import Facts
import Prediction

extension RealizePrediction {
  /// Name for messages: "`hostdev0` (0000:01:00.0)".
  public var name: String { DeviceLabel(request, at: host).description }
}

/// Name of a device for messages, formatted only when it is printed.
struct DeviceLabel: Hashable, Sendable, CustomStringConvertible {
  let id: String?
  let driver: String?
  let host: PCIAddress?

  init(_ request: DeviceRequest, at host: PCIAddress?) { self.init(id: request.id, driver: request.driver, host: host) }

  init(id: String?, driver: String?, host: PCIAddress?) {
    self.id = id
    self.driver = driver
    self.host = host
  }

  /// Text of the form "`hostdev0` (0000:01:00.0)".
  var description: String {
    switch (id, host) {
    case (.some(let id), .some(let host)): return "`\(id)` (\(host))"
    case (.some(let id), nil): return "`\(id)`"
    case (nil, .some(let host)): return "\(host)"
    case (nil, nil): return "`\(driver ?? "device")`"
    }
  }
}
