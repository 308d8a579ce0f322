// Regular expressions as words of a Corefile.

package import RegularExpression

extension RegularExpression {
    /// Reads a pattern; what is wrong with it is said in Go's words.
    package init(reading token: Token) throws(Diagnostic) {
        do throws(Flaw) {
            try self.init(token.text)
        } catch {
            throw Diagnostic(
                at: token.location,
                error.description,
                hint: "the syntax is Go's: https://golang.org/s/re2syntax"
            )
        }
    }
}
