// What the docs page adds to a request whose sender left it empty. It runs in the browser, and imports nothing.

/** A request as swagger-ui is about to send it. */
export interface PageRequest {
  url: string;
  readonly method?: string;
  readonly headers: Record<string, string>;
  body?: unknown;
}

/** An answer as swagger-ui shows it; the names of its fields are in lower case. */
export interface PageAnswer {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string | undefined>>;
}

/** Fills in what a person should not have to make up: a new key for every command, and the tag of the relationship as last seen. */
export class FilledIn {
  /** By customer. */
  private readonly seen = new Map<string, string>();

  constructor(private readonly newKey: () => string) {}

  /** Changes the request in place, so that the page shows what was sent. */
  fill(request: PageRequest): void {
    if (request.method?.toUpperCase() !== 'POST') return;
    const { pathname, searchParams } = new URL(request.url);
    const isDryRun = searchParams.get('dryRun') === 'true';
    if (isDryRun) return;
    if (pathname.endsWith('/v1/commands')) {
      request.body = this.withKeys(request.body);
      return;
    }
    const given = new Set(Object.keys(request.headers).map((name) => name.toLowerCase()));
    if (!given.has('idempotency-key')) request.headers['Idempotency-Key'] = this.newKey();
    const tag = this.seen.get(customerIn(pathname) ?? '');
    if (pathname.endsWith('/reseller-relationship/remove') && !given.has('if-match') && tag !== undefined)
      request.headers['If-Match'] = tag;
  }

  /** Remembers the tag of the relationship that the answer is about. */
  note({ url, headers }: PageAnswer): void {
    const etag = headers?.['etag'];
    const { pathname, search } = new URL(url);
    const customer = customerIn(pathname);
    // The tag of a list, or of the past, is another.
    if (etag === undefined || customer === undefined || search.includes('asOf')) return;
    if (!etag.startsWith('W/') && isTagged.test(pathname)) this.seen.set(customer, etag);
  }

  /** Every command of a bulk that has no key gets one. What is no bulk is left for the server to refuse. */
  private withKeys(body: unknown): unknown {
    if (typeof body !== 'string') return body;
    let bulk: unknown;
    try {
      bulk = JSON.parse(body);
    } catch {
      return body;
    }
    const items = (bulk as { readonly items?: unknown } | null)?.items;
    if (!Array.isArray(items)) return body;
    const keyed = (items as readonly unknown[]).map((item) =>
      typeof item === 'object' && item !== null && !('idempotencyKey' in item)
        ? { ...item, idempotencyKey: this.newKey() }
        : item,
    );
    return JSON.stringify({ ...(bulk as object), items: keyed }, null, 2);
  }
}

/** The relationship itself, and the commands about it. Lists of a customer have tags of their own. */
const isTagged = /\/customers\/[^/]+\/(?!(items|due|support-contacts|events|explanations|operations)(\/|$))/;

function customerIn(path: string): string | undefined {
  return /\/customers\/([^/]+)\//.exec(path)?.[1]?.toLowerCase();
}
