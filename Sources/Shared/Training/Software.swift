/// This software.
package enum Software { package static let version = "0.1.0" }
