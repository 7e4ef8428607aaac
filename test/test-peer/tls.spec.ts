import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { get } from 'node:https';
import { readFileSync } from 'node:fs';
import { certificatesIn } from './certificates.js';
import { all, connect, counted, failureOf, peerAndClient } from './testing.js';

const directory = mkdtempSync(join(tmpdir(), 'test-peer-tls-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const tls = certificatesIn(directory);

describe('With TLS', () => {
  const { peer, client } = peerAndClient({ tls, users: { admin: 'p:w/ü', reader: 'secret' } });
  const as = (user: string) =>
    connect({ connectionString: peer().connectionString.replace(/esdb:\/\/[^@]*@/, `esdb://${user}`) });

  it('the first user may append and read everything', async () => {
    await client().appendToStream('stream', counted(0));

    expect(await all(client().readAll())).toHaveLength(2);
    expect(await all(client().readStream('stream'))).toHaveLength(1);
  });

  it('who has the wrong password, or none, is refused', async () => {
    await client().appendToStream('stream', counted(0));
    const wrong = as('admin:wrong@');
    expect(await failureOf(all(wrong.readStream('stream')))).toMatchObject({ type: 'access-denied', code: 16 });
    expect(await failureOf(wrong.appendToStream('stream', counted(0)))).toMatchObject({ type: 'access-denied' });
    const nobody = as('');
    expect(await failureOf(all(nobody.readStream('stream')))).toMatchObject({ type: 'access-denied', code: 7 });
    expect(await failureOf(nobody.appendToStream('stream', counted(0)))).toMatchObject({ type: 'access-denied' });
    await Promise.all([wrong.dispose(), nobody.dispose()]);
    expect(peer().log.stream('stream')).toHaveLength(1);
  });

  it('others may use streams, but not read everything', async () => {
    const reader = as('reader:secret@');
    await reader.appendToStream('stream', counted(0));
    await reader.appendToStream('stream', counted(1), { credentials: { username: 'reader', password: 'secret' } });

    expect(await all(reader.readStream('stream'))).toHaveLength(2);
    expect(await failureOf(all(reader.readAll()))).toMatchObject({ type: 'access-denied' });
    expect(await failureOf(all(reader.subscribeToAll()))).toMatchObject({ type: 'access-denied' });
    await reader.dispose();
  });

  it('a client that does not trust the certificate gets nowhere', async () => {
    const distrusting = connect({ connectionString: peer().connectionString.replace(/&tlsCAFile=.*/, '') });

    expect(await failureOf(all(distrusting.readAll()))).toMatchObject({ type: 'unavailable' });
    await distrusting.dispose();
  });

  it('a client without TLS gets nowhere either', async () => {
    const plain = connect({ connectionString: `esdb://${peer().addresses[0]}?tls=false` });

    expect(await failureOf(all(plain.readAll()))).toMatchObject({ type: 'unavailable' });
    await plain.dispose();
    await client().appendToStream('stream', counted(0));
  });

  it('the health check answers', async () => {
    const status = new Promise((resolve, reject) => {
      get(`https://${peer().addresses[0]}/health/live`, { ca: readFileSync(tls.caFile) }, (response) => {
        response.resume();
        resolve(response.statusCode);
      }).on('error', reject);
    });

    expect(await status).toBe(204);
  });

  it('a freeze and a cut work as without', async () => {
    await client().appendToStream('stream', counted(0));
    peer().freeze();
    const waiting = client().appendToStream('stream', counted(1));
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(peer().log.stream('stream')).toHaveLength(1);
    peer().thaw();
    await waiting;
    peer().faults.onBatch({ do: 'loseAnswer', then: 'cut' });
    expect(await failureOf(client().appendToStream('stream', counted(2)))).toMatchObject({ type: 'unavailable' });
    expect(peer().log.stream('stream')).toHaveLength(3);
  });
});

describe('Without TLS', () => {
  const { client } = peerAndClient({ users: { admin: 'changeit' } });

  it('credentials are not looked at, as the client does not even send them', async () => {
    const credentials = { username: 'nobody', password: 'nothing' };
    await client().appendToStream('stream', counted(0), { credentials });

    expect(await all(client().readAll({ credentials }))).toHaveLength(2);
  });
});
