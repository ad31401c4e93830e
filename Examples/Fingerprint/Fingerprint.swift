@main struct X { static func main() throws { 
let f = try FileTree.regularFiles(below: FileName(CommandLine.arguments[1]))
let r = try ReferenceDigests.of(f, keepingIn: CommandLine.arguments[2])
var bad = 0
var bar = ProgressBar(total: f.count)
for (i, n) in f.enumerated() { let d = try FileDigest(of: n); if r[n] != d.sha256 { bad += 1 }; bar.show(i + 1); precondition(FileName(percentEncoded: n.percentEncoded) == n) }
print(f.count, r.count, bad)
} }
