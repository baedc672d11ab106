/**
 * Closes a listening socket at a moment when the kernel holds no connection of it that nobody has accepted (Linux). Such
 * connections are open for their clients, and closing the port would reset them.
 *
 * A connection can come at any time, also between a look at the queue and the call that closes the port. So the queue is
 * made full first: the gateway connects to its own port, and sets the backlog to 0. From then on the kernel drops the first
 * packet of every client (its SYN), and that client asks again a second later. If the queue then has the gateway's own
 * connection alone, and no handshake is half done, the port can be closed without losing anybody.
 *
 * The order matters: with a backlog of 0 and room in the queue, the kernel keeps no state of a handshake (SYN cookies), and
 * would silently drop its last packet if another connection is faster.
 */
import { readFileSync, readlinkSync } from 'node:fs';
import { type AddressInfo, connect, Server, type Socket } from 'node:net';

interface Handle {
  readonly fd?: number;
  /** Sets how many connections may wait to be accepted: `listen(2)` may be called again. */
  readonly listen?: (backlog: number) => number;
}

/** The backlog that Node sets. */
const BACKLOG = 511;

/** The connections that the kernel holds for a port that listens. */
interface Waiting {
  /** The number of connections that no process has accepted yet. */
  readonly connections: number;
  /** The number of handshakes that are not complete. */
  readonly handshakes: number;
  /** The remote ports of connections that nobody has accepted yet. */
  readonly ports: ReadonlySet<number>;
}

export class AcceptQueue {
  private own: Socket | undefined;
  private readonly ownPorts = new Set<number>();

  private constructor(
    private readonly server: Server,
    private readonly handle: Handle,
    private readonly inode: number,
  ) {}

  /** Returns undefined if the kernel does not report its queues: on other systems than Linux, and for unix sockets. */
  static of(server: Server): AcceptQueue | undefined {
    const handle = (server as { readonly _handle?: Handle | null })._handle ?? {};
    if (process.platform !== 'linux' || handle.listen === undefined || handle.fd === undefined) return undefined;
    if (typeof server.address() !== 'object') return undefined;
    try {
      const inode = Number(/^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${handle.fd}`))?.[1]);
      const queue = new AcceptQueue(server, handle, inode);
      return queue.look() === undefined ? undefined : queue;
    } catch {
      return undefined;
    }
  }

  /** True if the connection is one that this class has made. */
  isOwn({ remotePort = 0 }: Socket): boolean {
    return this.ownPorts.has(remotePort);
  }

  /** Resolves to true once the port is closed. Resolves to false if that is not possible now; then the port listens on. */
  async close(): Promise<boolean> {
    this.own?.destroy();
    // While the queue is full the kernel drops the packets of clients, so this is tried only if nobody waits.
    const before = this.look();
    if (before === undefined || before.connections > 0 || before.handshakes > 0) return false;
    const { address, port } = this.server.address() as AddressInfo;
    const host = address === '0.0.0.0' ? '127.0.0.1' : address === '::' ? '::1' : address;
    this.own = connect(port, host).on('error', () => {});
    // Node connects at the next tick. The event loop accepts nothing before this function has run to its end.
    await new Promise<void>((resolve) => process.nextTick(resolve));
    const { localPort = 0 } = this.own;
    this.ownPorts.add(localPort);
    this.handle.listen!(0);
    const waiting = this.look();
    if (waiting?.connections !== 1 || waiting.handshakes > 0 || !waiting.ports.has(localPort)) {
      this.handle.listen!(BACKLOG);
      return false;
    }
    // The `close` of an HTTP server would also close the connections that it counts as idle, and end its timers for slow heads.
    Server.prototype.close.call(this.server);
    this.own.destroy();
    return true;
  }

  /** Returns what the kernel holds for the port. Undefined if the kernel does not list the port. */
  private look(): Waiting | undefined {
    const { port } = this.server.address() as AddressInfo;
    let connections: number | undefined;
    let handshakes = 0;
    const ports = new Set<number>();
    for (const file of FILES) {
      for (const [, local, remote, state, queue, inode] of readFileSync(file, 'latin1').matchAll(LINE)) {
        if (Number.parseInt(local!, 16) !== port) continue;
        if (state === LISTEN && Number(inode) === this.inode) connections = Number.parseInt(queue!, 16);
        else if (state === SYN_RECV) handshakes++;
        else if (state === ESTABLISHED && inode === '0') ports.add(Number.parseInt(remote!, 16));
      }
    }
    return connections === undefined ? undefined : { connections, handshakes, ports };
  }
}

const FILES = ['/proc/net/tcp', '/proc/net/tcp6'];
/**
 * Matches a line (proc(5)), and captures what is in capitals:
 * `sl: local:PORT remote:PORT STATE tx_queue:RX_QUEUE timer:when retransmits uid timeout INODE …`
 */
const LINE =
  /^ *\d+: [0-9A-F]+:([0-9A-F]+) [0-9A-F]+:([0-9A-F]+) ([0-9A-F]+) [0-9A-F]+:([0-9A-F]+) \S+ \S+ +\d+ +\d+ (\d+) /gm;
const ESTABLISHED = '01';
const SYN_RECV = '03';
const LISTEN = '0A';
