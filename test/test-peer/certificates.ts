import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Tls } from './node.js';

/**
 * A certificate for loopback, signed by an authority of its own, made with the `openssl` command (3.0 or later, as Debian
 * and the runners of CI have it) where the directory does not hold one. For tests only: the keys lie in the open.
 */
export function certificatesIn(directory: string): Tls & { readonly caFile: string } {
  mkdirSync(directory, { recursive: true });
  const [caFile, caKey, cert, key] = ['ca.crt', 'ca.key', 'node.crt', 'node.key'].map((name) =>
    join(directory, name),
  ) as [string, string, string, string];
  if (!existsSync(cert)) {
    const request = join(directory, 'node.csr');
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
    openssl('req', '-x509', ...curve, '-keyout', caKey, '-out', caFile, '-days', '30', '-subj', '/CN=Test peer CA');
    openssl(
      'req',
      ...curve,
      ...['-keyout', key, '-out', request, '-subj', '/CN=test-peer'],
      ...['-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost'],
    );
    openssl(
      'x509',
      ...['-req', '-in', request, '-CA', caFile, '-CAkey', caKey, '-CAcreateserial'],
      ...['-copy_extensions', 'copyall', '-out', cert, '-days', '30'],
    );
    rmSync(request);
  }
  return { cert: readFileSync(cert), key: readFileSync(key), caFile };
}

function openssl(...command: string[]): void {
  try {
    execFileSync('openssl', command, { stdio: ['ignore', 'ignore', 'pipe'] });
  } catch (error) {
    throw new Error(
      `No certificate could be made for the test peer: openssl ${command[0]} failed. Is openssl 3 installed?`,
      {
        cause: error,
      },
    );
  }
}
