import Supervisor
import Testing

@Suite struct MemorySharesTests {
    @Test(arguments: [
        // Limit and flag in MiB; cache in MiB; clients.
        (nil, nil, 64, 50_000),
        (nil, 16, 16, 50_000),
        (64, nil, 24, 6_990),
        (64, 40, 40, 6_990),
        (512, nil, 192, 50_000),
        (8 << 10, nil, 3 << 10, 50_000),
    ])
    func ofALimit(limit: Int?, flag: Int?, cache: Int, waiting: Int) {
        let shares = MemoryShares(limit: limit.map { $0 << 20 }, cacheBudget: flag.map { $0 << 20 })
        #expect(shares.cacheBudget == cache << 20)
        #expect(shares.mostWaiting == waiting)
    }
}
