import Addresses
import NodeNetwork
import Testing

@Suite("Network plan")
struct NetworkPlanTests {
    @Test("repeated addresses count once, families come in order")
    func normalises() throws {
        let v4 = try #require(IPAddress("192.0.2.10"))
        let v6 = try #require(IPAddress("2001:db8::10"))
        let plan = NetworkPlan(addresses: [v6, v4, v6])
        #expect(plan.addresses == [v6, v4])
        #expect(plan.families == [.v4, .v6])
    }
}
