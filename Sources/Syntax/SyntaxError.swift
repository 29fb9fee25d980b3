/// The first error of a text that is not well-formed, or a limit that the text exceeds. One type for XML and JSON.
public struct SyntaxError: Error, Hashable, Sendable {
  /// The parser's own message (expat's, jansson's), or the limit that was exceeded.
  public let message: String
  /// Location of the error, in bytes from the start of the text.
  public let offset: Int

  /// Creates an error at an offset.
  public init(message: String, offset: Int) {
    self.message = message
    self.offset = offset
  }
}
