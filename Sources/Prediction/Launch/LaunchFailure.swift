import Facts

/// A part of a machine, other than a vfio device, that QEMU refuses: it does not start, or answers the plug with an
/// error.
public struct LaunchFailure: Sendable {
  /// The refusal.
  public let failure: RealizeFailure
  /// The device that is refused; nil for another option.
  public let request: DeviceRequest?
  /// Location of the option, or of the property that the failure is about.
  public let location: Location

  init(_ failure: RealizeFailure, of request: DeviceRequest) {
    self.failure = failure
    self.request = request
    location = failure.property.map { request.location(of: $0) } ?? request.location
  }

  init(_ failure: RealizeFailure, at location: Location) {
    self.failure = failure
    self.request = nil
    self.location = location
  }
}
