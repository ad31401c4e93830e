extension OrderedMap {
    /// Reads the whole map and says what is wrong with it; empty where all is well. The check that
    /// tests and tools share. Trims as it goes, so that a large map does not have to be in memory.
    package func check() -> [String] {
        var report: [String] = []
        guard !root.isNone else { return report }
        var seen = PageSet()
        check(root, level, from: .min, to: nil, &seen, &report)
        return report
    }

    private func check(
        _ reference: PageReference, _ level: UInt64, from low: MapKey, to high: MapKey?,
        _ seen: inout PageSet, _ report: inout [String]
    ) {
        let name = "page \(reference.number)"
        guard pages.usedPages.contains(reference.number) else {
            return report.append("\(name) is not in use")
        }
        guard seen.insert(reference.number) else {
            return report.append("\(name) is referred to twice")
        }
        let kind = MapNode.kind(level: level)
        let page = pages.read(reference, kind, owner: level)
        guard PageFormat.count(of: page) > 0 else { return report.append("\(name) is empty") }
        let isWhole = PageFormat.isWellFormed(page, kind)
        guard isWhole else { return report.append("\(name) is ill-formed") }
        guard level > 0 else {
            let leaf = MapLeaf(reading: page)
            if leaf.key(at: 0) < low { report.append("\(name) begins before its range") }
            if let high, !(leaf.key(at: leaf.count - 1) < high) {
                report.append("\(name) ends after its range")
            }
            return
        }
        let branch = MapBranch(reading: page)
        if branch.count > 1, !(low < branch.key(at: 1)) {
            report.append("\(name) begins before its range")
        }
        if let high, !(branch.key(at: branch.count - 1) < high) {
            report.append("\(name) ends after its range")
        }
        // The branch itself may be evicted meanwhile.
        let children = (0..<branch.count).map { (branch.key(at: $0), branch.child(at: $0)) }
        for (index, child) in children.enumerated() {
            check(
                child.1, level - 1, from: index == 0 ? low : child.0,
                to: index + 1 < children.count ? children[index + 1].0 : high, &seen, &report)
            pages.trim()
        }
    }
}
