import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { certificatesIn } from './certificates.js';
import { commandsOf } from './commands.js';
import { startTestPeer } from './test-peer.js';

// The test peer as a process: `npm run test-peer -- --help`. One line when it is ready, then one for every command line.

const usage = `npm run test-peer -- [options]

  --port N[,N,N]     listens on 127.0.0.1:N; three nodes take the ports after it too, or one each (default: any free)
  --nodes 1|3        a server, or a cluster with a leader (default 1)
  --data FILE        keeps the log in this file, which outlives the process (default: in memory)
  --tls DIR          serves TLS with the certificates in this directory, made when missing
  --user NAME:PASS   who may connect with TLS; may be repeated (default admin:changeit)
  --rules RELEASE    behaves like 23.10 or 24.10 where they differ (default 23.10)
  --election-time MS how long a cluster is without a leader after losing it (default 300)
  --grace MS         goes on serving so long after SIGTERM (default 5000)`;

const values = given();

if (values.help) console.log(usage);
else
  await serve().catch((error: unknown) => {
    console.error(`The test peer cannot start: ${(error as Error).message}`);
    process.exit(1);
  });

async function serve(): Promise<void> {
  const { nodes, rules } = values;
  if (nodes !== '1' && nodes !== '3') throw refused('nodes', 'is 1 or 3');
  if (rules !== '23.10' && rules !== '24.10') throw refused('rules', 'is 23.10 or 24.10');
  const peer = await startTestPeer({
    nodes: nodes === '1' ? 1 : 3,
    rules,
    electionTime: whole('election-time'),
    ...(values.port !== undefined && { port: ports(values.port) }),
    ...(values.data !== undefined && { data: values.data }),
    ...(values.tls !== undefined && {
      tls: certificatesIn(values.tls),
      users: Object.fromEntries(values.user.map((user) => user.split(/:(.*)/s, 2))) as Record<string, string>,
    }),
  });
  const grace = whole('grace');
  const stop = async (graceful: boolean) => {
    if (graceful) await peer.shutdown({ grace });
    await peer.close();
    process.exit();
  };
  process.once('SIGTERM', () => void stop(true));
  process.once('SIGINT', () => void stop(false));
  // Started by a test: goes when that goes, however it goes.
  process.once('disconnect', () => void stop(false));

  const obey = commandsOf(peer);
  let last = Promise.resolve();
  createInterface({ input: process.stdin }).on('line', (line) => {
    last = last.then(async () => {
      if (line.trim() === '') return;
      if (line.trim() === 'quit') {
        console.log('bye');
        return stop(false);
      }
      console.log(await obey(line));
    });
  });
  console.log(`Test peer (not EventStoreDB) at ${peer.connectionString}`);
}

function ports(named: string): number | number[] {
  if (!/^\d+(,\d+)*$/.test(named)) throw refused('port', 'is a number, or one for each node, separated by commas');
  const [first = 0, ...others] = named.split(',').map(Number);
  return others.length === 0 ? first : [first, ...others];
}

function whole(option: 'election-time' | 'grace'): number {
  if (!/^\d+$/.test(values[option] ?? '')) throw refused(option, 'is a whole number');
  return Number(values[option]);
}

function refused(option: keyof typeof values, is: string): Error {
  return new Error(`--${option} ${is}, not ${JSON.stringify(values[option])}`);
}

function given() {
  try {
    return parseArgs({
      options: {
        help: { type: 'boolean' },
        port: { type: 'string' },
        nodes: { type: 'string', default: '1' },
        data: { type: 'string' },
        tls: { type: 'string' },
        user: { type: 'string', multiple: true, default: ['admin:changeit'] },
        rules: { type: 'string', default: '23.10' },
        'election-time': { type: 'string', default: '300' },
        grace: { type: 'string', default: '5000' },
      },
    }).values;
  } catch (error) {
    console.error(`The test peer cannot start: ${(error as Error).message}\n\n${usage}`);
    process.exit(1);
  }
}
