import type { Answered } from './exchange.js';
import type { Request } from './requests.js';

/** What an answer has broken, and the request that made it, as simple as it could be made. */
export interface Finding {
  readonly rule: string;
  readonly what: string;
  readonly request: Request;
  readonly answered: Answered;
  /** How often it was met: the same rule, operation and code. */
  times: number;
}

/** Equal findings have one cause, as far as can be seen from outside. */
export function causeOf(rule: string, { operation }: Request, { status, body }: Answered): string {
  const code = (body as { readonly code?: string } | undefined)?.code ?? '';
  return `${rule} | ${operation.id.replace(/OfPartner$/, '')} | ${status} ${code}`;
}

/** The simpler requests next to one: something left out. */
export function simpler(request: Request): Request[] {
  const { headers, url, body } = request;
  const without = (name: string) => Object.fromEntries(Object.entries(headers).filter(([each]) => each !== name));
  const [path, search = ''] = url.split('?', 2) as [string, string?];
  const parts = search === '' ? [] : search.split('&');
  const fewerParts = parts.map((_, at) => parts.filter((__, index) => index !== at));
  return [
    ...Object.keys(headers)
      .filter((name) => name !== 'Content-Type')
      .map((name) => ({ ...request, headers: without(name) })),
    ...fewerParts.map((kept) => ({ ...request, url: kept.length === 0 ? path : `${path}?${kept.join('&')}` })),
    ...simplerBodies(body).map((each) => ({ ...request, body: each })),
  ];
}

function simplerBodies(body: string | undefined): string[] {
  if (body === undefined) return [];
  try {
    const value = JSON.parse(body) as unknown;
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.keys(value).map((name) =>
          JSON.stringify(Object.fromEntries(Object.entries(value).filter(([each]) => each !== name))),
        )
      : [];
  } catch {
    return [];
  }
}

/** As one would type it again. */
export function textOf({ rule, what, request, answered, times }: Finding): string {
  const { method, url, headers, body, sender, twists } = request;
  const by =
    typeof sender.token === 'object' && sender.token !== null ? JSON.stringify(sender.token) : String(sender.token);
  return [
    `${rule} (${times} times): ${what.slice(0, 1000)}`,
    `  ${method} ${url.slice(0, 500)}`,
    `  by ${by}`,
    ...Object.entries(headers).map(([name, value]) => `  ${name}: ${value}`),
    ...(body === undefined ? [] : [`  ${body.slice(0, 1000)}`]),
    `  → ${answered.status} ${answered.text.slice(0, 500)}`,
    ...(twists.length === 0 ? [] : [`  made with: ${twists.join(', ')}`]),
  ].join('\n');
}
