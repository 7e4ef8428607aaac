import type { Fault, Faults } from './faults.js';
import type { TestPeer } from './test-peer.js';

type Command = { readonly takes: string; readonly run: (words: readonly string[]) => Promise<string> | string };

/** The commands that the peer takes while it runs, one line each; every line is answered with one. */
export function commandsOf(peer: TestPeer) {
  const commands: Record<string, Command> = {
    kill: {
      takes: '[leader | node N]',
      async run(words) {
        if (words[0] === 'leader') return `killed node ${await peer.killLeader()}`;
        await peer.kill(nodeIn(words));
        return `killed ${words.join(' ') || 'all nodes'}`;
      },
    },
    resign: { takes: '', run: () => `node ${peer.resign()} handed over to node ${peer.leader()}` },
    start: { takes: '[node N]', run: async (words) => (await peer.start(nodeIn(words)), said('started', words)) },
    shutdown: {
      takes: '[node N]',
      run: async (words) => (await peer.shutdown({ ...optionally('node', nodeIn(words)) }), said('shut down', words)),
    },
    cut: { takes: '[node N]', run: (words) => (peer.cutSockets(nodeIn(words)), said('cut the connections of', words)) },
    freeze: { takes: '[node N]', run: (words) => (peer.freeze(nodeIn(words)), said('froze', words)) },
    thaw: { takes: '[node N]', run: (words) => (peer.thaw(nodeIn(words)), said('thawed', words)) },
    leader: { takes: '', run: () => (peer.leader() === undefined ? 'no leader' : `node ${peer.leader()} leads`) },
    elected: { takes: '', run: async () => (await peer.elected(), `node ${peer.leader()} leads`) },
    lose: {
      takes: 'majority [MS]',
      run: ([, ms]) => (peer.loseMajority(ms === undefined ? undefined : whole(ms)), 'lost the majority'),
    },
    regain: { takes: 'majority', run: async () => (await peer.regainMajority(), `node ${peer.leader()} leads`) },
    wipe: { takes: '', run: async () => (await peer.wipe(), 'wiped') },
    scavenge: {
      takes: '[POSITION ...]',
      run: (words) => `scavenged ${peer.scavenge(words.length > 0 ? words.map(whole) : undefined)} events`,
    },
    drop: { takes: '', run: () => `ended ${peer.endSubscriptions()} subscriptions` },
    clock: { takes: 'MS', run: ([ms = '0']) => (peer.shiftClock(whole(ms)), `the clock is ${whole(ms)} ms ahead`) },
    fault: {
      takes: 'features|gossip|append|batch|read|subscribe|delete|tombstone|health JSON [TIMES]',
      run: (words) => plan(peer.faults, words),
    },
    faults: { takes: 'clear', run: () => (peer.faults.clear(), 'no faults are planned') },
    counts: { takes: '', run: () => JSON.stringify(peer.counts) },
    head: { takes: '', run: () => String(peer.log.head()) },
  };

  return async (line: string): Promise<string> => {
    const [name = '', ...words] = line.trim().split(/\s+/);
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (!command)
      return `error: unknown command; one of ${Object.entries(commands)
        .map(([name, { takes }]) => `${name} ${takes}`.trim())
        .join(', ')}, quit`;
    try {
      return await command.run(words);
    } catch (error) {
      return `error: ${(error as Error).message.replaceAll('\n', ' ')}`;
    }
  };
}

const said = (what: string, words: readonly string[]) => `${what} ${words.join(' ') || 'all nodes'}`;

function nodeIn(words: readonly string[]): number | undefined {
  if (words.length === 0) return undefined;
  const [, number] = /^node (\d+)$/.exec(words.join(' ')) ?? [];
  if (number === undefined) throw new Error(`"${words.join(' ')}" names no node: node 1`);
  return Number(number);
}

function whole(word: string): number {
  if (!/^-?\d+$/.test(word)) throw new Error(`"${word}" is not a whole number`);
  return Number(word);
}

/** The JSON of a fault has no spaces outside of its texts; what follows it is how often it happens. */
function plan(faults: Faults, [point = '', ...words]: readonly string[]): string {
  const hook = `on${point[0]?.toUpperCase()}${point.slice(1)}`;
  if (!Object.hasOwn(faults, hook)) throw new Error(`"${point}" is no place for a fault`);
  const times = words.length > 1 && /^(\d+|always)$/.test(words.at(-1) ?? '') ? words.at(-1) : undefined;
  const fault = JSON.parse(words.slice(0, times === undefined ? undefined : -1).join(' ')) as Fault;
  faults[hook as 'onBatch'](fault, { times: times === 'always' ? Infinity : Number(times ?? 1) });
  return `planned for ${point}: ${fault.do}`;
}

const optionally = (key: 'node', value: number | undefined) => (value === undefined ? {} : { [key]: value });
