internal import HoldfastProtocol
internal import NIOCore

/// The socket's side of a client: cuts frames and reports what happens. Decides nothing.
final class ClientChannelHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let core: ClientCore
    private var accumulator = FrameAccumulator()

    init(core: ClientCore) {
        self.core = core
    }

    func channelActive(context: ChannelHandlerContext) {
        core.channelActive(context.channel)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        accumulator.append(unwrapInboundIn(data))
        accumulator.frameLengthMax = core.frameLengthMax
        do throws(WireFault) {
            while let (header, body) = try accumulator.next() {
                core.received(header, body: body, on: context.channel)
            }
        } catch {
            core.violated(error, on: context.channel)
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        core.writabilityChanged(context.channel)
    }

    func channelInactive(context: ChannelHandlerContext) {
        core.channelInactive(context.channel)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        core.failed(error, on: context.channel)
        context.close(promise: nil)
    }
}
