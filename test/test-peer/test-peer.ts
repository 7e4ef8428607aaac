import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { status } from '@grpc/grpc-js';
import type { CallContext, Counts, ServerRules } from './call-context.js';
import type { Member } from './discovery.js';
import { createFaults, type Faults } from './faults.js';
import { openEventLog, type EventLog } from './log.js';
import { createNode, type PeerNode, type Tls } from './node.js';
import { usersOf } from './rights.js';
import { consumerTooSlow, notReady, rpcError } from './rpc-errors.js';

export interface TestPeerOptions {
  /** Of the first node, the others taking the next ones, or of each. Free ones unless named. */
  readonly port?: number | readonly number[] | undefined;
  readonly nodes?: 1 | 3 | undefined;
  /** A file for the log, which then outlives the process (not the power supply). In memory unless named. */
  readonly data?: string | undefined;
  readonly tls?: Tls & {
    /** Where the client finds what it must trust; goes into the connection string. */ readonly caFile?: string;
  };
  /** Passwords by name, `admin` being the one who may read everything. Checked with TLS only, as by the server. */
  readonly users?: Readonly<Record<string, string>> | undefined;
  /** Which release it behaves like where they differ (default 23.10). The next three say it one by one. */
  readonly rules?: ServerRules | undefined;
  /** How many events may wait for a live subscription before it is ended: 32 in 23.10, any number (`Infinity`) in 24.10. */
  readonly liveBuffer?: number | undefined;
  readonly sizeRule?: ServerRules | undefined;
  /** Whether a subscription from the position of a scavenged event loses the next one, as in 23.10. */
  readonly skipsAfterScavenged?: boolean | undefined;
  /** Ends every filtered catch-up with a checkpoint where the next event will stand (default false; patches of 24.10 and 25.0). */
  readonly marksTheEnd?: boolean | undefined;
  /** In bytes (default 1 MiB). */
  readonly maxAppendSize?: number | undefined;
  /** How long three nodes are without a leader after it was lost, in ms (default 300). */
  readonly electionTime?: number | undefined;
}

export interface TestPeer {
  /** For the client; names all nodes, the first user, and the certificate to trust. */
  readonly connectionString: string;
  /** `host:port` of every node. The host is 127.0.0.1, with TLS localhost. */
  readonly addresses: readonly string[];
  readonly faults: Faults;
  readonly counts: Readonly<Counts>;
  /** Everything that was written, for assertions, and a second writer. */
  readonly log: EventLog;
  /** The number of the leading node, from 1; none during an election. */
  leader(): number | undefined;
  /** Resolves when there is a leader. */
  elected(): Promise<void>;
  /** As SIGKILL: sockets destroyed, port closed. Of one node (from 1) or all. What was written stays. */
  kill(node?: number): Promise<void>;
  /** Answers which one it was. */
  killLeader(): Promise<number>;
  /**
   * The leader hands over to a node that is running, and goes on as a follower: its connections and the streams on them
   * stay open. Answers which one it was.
   */
  resign(): number;
  /**
   * Every node runs on, but none leads, however many there are: calls are refused as not ready, and the streams that are
   * open end one by one, one every few ms (default 100). Until `regainMajority`.
   */
  loseMajority(everyMs?: number): void;
  /** Resolves when there is a leader again. */
  regainMajority(): Promise<void>;
  /** Again on the same port; of one node or all that are not running. */
  start(node?: number): Promise<void>;
  /** As SIGTERM: goes on serving open connections for `grace` ms (default 200) or until it resolves, then ends streams with RST_STREAM code 0. */
  shutdown(options?: { grace?: number | Promise<void>; node?: number }): Promise<void>;
  cutSockets(node?: number): void;
  /** Accepts connections, reads nothing and answers nothing, until it is thawed. */
  freeze(node?: number): void;
  thaw(node?: number): void;
  /** Removes events as the server's scavenge does; without positions, everything that cannot be seen any more. */
  scavenge(positions?: readonly number[]): number;
  /** Another, empty database on the same port: every connection breaks. */
  wipe(): Promise<void>;
  /** Ends all open subscriptions; by default with the words of 23.10 to a slow consumer. Answers how many. */
  endSubscriptions(error?: { code: status; message: string }): number;
  /**
   * Takes the right to `$all` or to a stream away from all users, as a changed ACL does: the next call is denied, and what is
   * open goes on until it ends. Answers what gives it back.
   */
  denyAccess(to: string): () => void;
  /** The offset of the server's clock from now on, in ms (negative: it is slow). */
  shiftClock(ms: number): void;
  close(): Promise<void>;
}

/** A process of the server's kind that speaks its wire protocol on loopback. It is not EventStoreDB: see README.md. */
export async function startTestPeer(options: TestPeerOptions = {}): Promise<TestPeer> {
  const { port = 0, nodes: size = 1, data, tls, users, rules = '23.10', electionTime = 300 } = options;
  let clockShift = 0;
  const now = () => Date.now() + clockShift;
  const log = openEventLog({ path: data, now });
  const faults = createFaults();
  const counts: Counts = {
    features: 0,
    gossip: 0,
    appends: 0,
    batchAppends: 0,
    reads: 0,
    subscriptions: 0,
    deletes: 0,
    tombstones: 0,
    connections: 0,
    tooSlow: 0,
  };
  const liveCalls: CallContext['liveCalls'] = new Set();
  const batchCalls: CallContext['batchCalls'] = new Set();
  const denied = new Set<string>();
  const known = tls && users ? usersOf(users) : undefined;
  const ids = Array.from({ length: size }, () => randomUUID());
  const nodes: readonly PeerNode[] = ids.map((_, index) =>
    createNode(
      {
        node: index + 1,
        log,
        faults,
        counts,
        now,
        liveCalls,
        batchCalls,
        sizeRule: options.sizeRule ?? rules,
        maxAppendSize: options.maxAppendSize ?? 1024 * 1024,
        liveBuffer: options.liveBuffer ?? (rules === '23.10' ? 32 : Infinity),
        skipsAfterScavenged: options.skipsAfterScavenged ?? rules === '23.10',
        marksTheEnd: options.marksTheEnd ?? false,
        denied,
        users: known,
        kill: () => void down(index + 1, (each) => each.kill()),
        isReady: () => leader !== undefined,
        isLeader: () => leader === index + 1,
        leader: () => (leader === undefined ? undefined : { host: node(leader).host, port: node(leader).port() }),
      },
      tls,
      members,
    ),
  );
  let leader: number | undefined = 1;
  let election: Promise<void> | undefined;
  /** What ends the open streams one by one while the majority is lost. */
  let withoutMajority: NodeJS.Timeout | undefined;

  for (const [index, each] of nodes.entries()) {
    each.usePort(typeof port !== 'number' ? (port[index] ?? 0) : port && port + index);
    await each.start();
  }

  function node(number: number): PeerNode {
    const found = nodes[number - 1];
    if (!found) throw new Error(`There is no node ${number}, only 1 to ${nodes.length}`);
    return found;
  }

  const chosen = (number: number | undefined) => (number === undefined ? nodes : [node(number)]);
  const running = () => nodes.filter((each) => each.isRunning());
  const hasMajority = () => withoutMajority === undefined && running().length > nodes.length / 2;

  function members(): readonly Member[] {
    return nodes.map((each, index) => ({
      id: ids[index]!,
      host: each.host,
      port: each.port(),
      isAlive: each.isRunning(),
      state: leader === undefined ? 'unknown' : leader === each.number ? 'leader' : 'follower',
    }));
  }

  /** The nodes that are left take over, when they are the majority: at once if alone, else after a while. */
  function elect(): void {
    if (leader !== undefined && node(leader).isRunning() && hasMajority()) return;
    leader = undefined;
    if (nodes.length === 1) return choose();
    election ??= sleep(electionTime).then(() => {
      election = undefined;
      choose();
    });
  }

  function choose(): void {
    if (hasMajority()) leader = running()[0]?.number;
  }

  async function down(number: number | undefined, stop: (each: PeerNode) => Promise<void>): Promise<void> {
    const stopping = chosen(number).map(stop);
    elect();
    await Promise.all(stopping);
    elect();
  }

  async function elected(): Promise<void> {
    while (leader === undefined) await (election ?? sleep(10));
  }

  function endOneStream(): void {
    const [end] = [...batchCalls, ...liveCalls];
    end?.(notReady());
  }

  const authority =
    users && tls
      ? `${Object.entries(users).map(([name, password]) => `${encodeURIComponent(name)}:${encodeURIComponent(password)}`)[0] ?? ''}@`
      : '';
  const addresses = nodes.map((each) => `${each.host}:${each.port()}`);

  return {
    connectionString: `esdb://${authority}${addresses.join(',')}?tls=${tls !== undefined}${tls?.caFile ? `&tlsCAFile=${encodeURIComponent(tls.caFile)}` : ''}`,
    addresses,
    faults,
    counts,
    log,
    leader: () => leader,
    elected,
    kill: (number) => down(number, (each) => each.kill()),
    async killLeader() {
      if (leader === undefined) throw new Error('There is no leader to kill');
      const lost = leader;
      await down(lost, (each) => each.kill());
      return lost;
    },
    resign() {
      if (leader === undefined) throw new Error('There is no leader to resign');
      const resigned = leader;
      const next = running().find((each) => each.number !== resigned);
      if (!next) throw new Error(`There is no node that node ${resigned} could hand over to`);
      leader = next.number;
      return resigned;
    },
    loseMajority(everyMs = 100) {
      clearInterval(withoutMajority);
      withoutMajority = setInterval(endOneStream, everyMs);
      leader = undefined;
    },
    async regainMajority() {
      clearInterval(withoutMajority);
      withoutMajority = undefined;
      elect();
      await elected();
    },
    async start(number) {
      const starting = chosen(number).filter((each) => !each.isRunning());
      if (starting.length === 0) return;
      if (running().length === 0) log.restart();
      await Promise.all(starting.map((each) => each.start()));
      elect();
    },
    shutdown: ({ grace = 200, node: number } = {}) => down(number, (each) => each.shutdown(grace)),
    cutSockets: (number) => chosen(number).forEach((each) => each.cutSockets()),
    freeze: (number) => chosen(number).forEach((each) => each.freeze()),
    thaw: (number) => chosen(number).forEach((each) => each.thaw()),
    scavenge: (positions) => log.scavenge(positions),
    async wipe() {
      await down(undefined, (each) => each.kill());
      log.wipe();
      await Promise.all(nodes.map((each) => each.start()));
      elect();
      await election;
    },
    endSubscriptions(error) {
      const ending = [...liveCalls];
      for (const end of ending) end(error ? rpcError(error.code, error.message) : consumerTooSlow());
      return ending.length;
    },
    denyAccess(to) {
      denied.add(to);
      return () => void denied.delete(to);
    },
    shiftClock: (ms) => void (clockShift = ms),
    async close() {
      clearInterval(withoutMajority);
      await Promise.all(nodes.map((each) => each.close()));
      log.close();
    },
  };
}
