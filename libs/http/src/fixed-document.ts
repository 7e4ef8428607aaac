import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { FastifyReply } from 'fastify';
import { weighedRanges } from './accept.js';
import { noneMatch, requireMatch } from './entity-tag.js';
import { Problem } from './problem.js';
import { vary } from './vary.js';

const codings = ['br', 'gzip', 'identity'] as const;
type Coding = (typeof codings)[number];

/** A smaller document fits into one packet uncompressed. */
export const worthCompressing = 1024;

interface Plain {
  readonly bytes: Buffer;
  readonly hash: string;
}

interface Encoded {
  readonly bytes: Buffer;
  readonly tag: string;
}

/**
 * A document that is the same for every caller. Its bytes are made once for each coding (RFC 9110, 8.4), and a request
 * only sends them. `make` is called for the first request.
 */
export class FixedDocument {
  private readonly made = new Map<Coding, Promise<Encoded> | Encoded>();
  private plain: Plain | undefined;

  constructor(
    private readonly mediaType: string,
    private readonly maxAgeSeconds: number,
    /** Called with the public path of the server. */
    private readonly make: (publicPath: string) => string | Buffer,
  ) {}

  /** @throws Problem 400, 412 by `If-Match`; 400 when `If-None-Match` cannot be read; 406 when no coding is accepted */
  async sendTo(reply: FastifyReply): Promise<void> {
    const { 'accept-encoding': accepted, 'if-none-match': known } = reply.request.headers;
    const plain = (this.plain ??= plainOf(this.make(reply.server.publicPath)));
    const coding = codingFor(accepted, plain.bytes.length >= worthCompressing);
    if (coding === undefined)
      throw new Problem('NotAcceptable', { offered: codings }, { 'Accept-Encoding': codings.join(', ') });
    const { bytes, tag } = await this.encoded(coding, plain);
    // Before the headers, which let everybody keep the answer: a refusal must not be kept.
    requireMatch(reply.request, { ETag: tag });
    const isKnown = noneMatch(known, tag);
    reply.header('ETag', tag).header('Cache-Control', `public, max-age=${this.maxAgeSeconds}`);
    // A cache keeps one copy for each coding.
    vary(reply, 'Accept-Encoding');
    if (isKnown) return void reply.code(304).send();
    if (coding !== 'identity') reply.header('Content-Encoding', coding);
    reply.code(200).header('Content-Type', this.mediaType).send(bytes);
  }

  private encoded(coding: Coding, { bytes, hash }: Plain): Promise<Encoded> | Encoded {
    const known = this.made.get(coding);
    if (known) return known;
    if (coding === 'identity') return this.keep(coding, { bytes, tag: `"${hash}"` });
    const making = compressed(bytes, coding, 'small').then(
      // A strong tag names the bytes, so each coding has its own.
      (compressed) => this.keep(coding, { bytes: compressed, tag: `"${hash}-${coding}"` }),
      (error: unknown) => {
        this.made.delete(coding);
        throw error;
      },
    );
    this.made.set(coding, making);
    return making;
  }

  private keep(coding: Coding, encoded: Encoded): Encoded {
    this.made.set(coding, encoded);
    return encoded;
  }
}

function plainOf(document: string | Buffer): Plain {
  const bytes = Buffer.from(document);
  return { bytes, hash: createHash('sha256').update(bytes).digest('base64url').slice(0, 22) };
}

/** How much work goes into it: once for many answers, or for each. */
const levels = { small: { gzip: 9, br: 9 }, fast: { gzip: 6, br: 4 } };

/** Runs outside the event loop: the largest document takes a while. */
export function compressed(
  bytes: Buffer,
  coding: 'br' | 'gzip',
  level: keyof typeof levels,
): Promise<Buffer<ArrayBuffer>> {
  const { gzip: gzipLevel, br: quality } = levels[level];
  if (coding === 'gzip') return promisify(gzip)(bytes, { level: gzipLevel });
  return promisify(brotliCompress)(bytes, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: quality,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
    },
  });
}

/**
 * The coding to answer with (RFC 9110, 12.5.3): the one with the greatest weight, of equals the smallest. The
 * uncompressed document is accepted unless `identity` or `*` refuses it, and preferred where compression is not
 * worthwhile.
 */
export function codingFor(accepted: string | undefined, isLarge: boolean): Coding | undefined {
  if (accepted === undefined) return 'identity';
  const ranges = weighedRanges(accepted);
  const weightOf = (coding: Coding) => {
    // The old name of gzip is the same coding.
    const named = ranges.find(({ name }) => name === coding || (coding === 'gzip' && name === 'x-gzip'));
    const weight = (named ?? ranges.find(({ name }) => name === '*'))?.weight;
    return weight ?? (coding === 'identity' ? Number.MIN_VALUE : 0);
  };
  if (!isLarge && weightOf('identity') > 0) return 'identity';
  const [best] = codings.toSorted((a, b) => weightOf(b) - weightOf(a));
  return weightOf(best!) > 0 ? best : undefined;
}
