import Testing

@testable import Platform

@Suite struct HomeFolderTests {
  @Test(
    arguments: [
      ("/home/x", "/tmp", "/home/x"), (nil, "/tmp", "/tmp"), ("", "/tmp", "/tmp"), ("/", "/tmp", "/tmp"),
      (nil, nil, nil), ("/", "/", nil), ("", "", nil), (nil, "/nonexistent", nil), (nil, "/dev/null", nil),
    ] as [(String?, String?, String?)])
  func variableComesBeforeTheDatabase(variable: String?, database: String?, path: String?) {
    #expect(HomeFolder.path(variable: variable) { database } == path)
  }
}
