import type { FastifyInstance } from 'fastify';

declare module 'fastify' {
  interface FastifyInstance {
    /** The path below which others reach this server through a proxy, such as `/ledger`; empty: none. */
    publicPath: string;
  }
}

type Fields = Readonly<Record<string, string>>;

/** Has every answer name addresses as they are seen from outside. Nothing else needs to know of the path but bodies. */
export function servePublicly(fastify: FastifyInstance, publicPath: string): void {
  fastify.decorate('publicPath', publicPath);
  if (publicPath === '') return;
  fastify.addHook('onSend', (_, reply, payload, done) => {
    for (const name of ['location', 'link']) {
      const value = reply.getHeader(name);
      if (typeof value === 'string') reply.header(name, publicly(value, publicPath));
    }
    done(null, payload);
  });
}

/** Fields as they are seen from outside, for an answer within another. */
export function publicFields(fields: Fields, publicPath: string): Fields {
  if (publicPath === '') return fields;
  const isAddress = (name: string) => name === 'Location' || name === 'Link';
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, isAddress(name) ? publicly(value, publicPath) : value]),
  );
}

/** A path of this server, or a link to one (RFC 8288), as it is seen from outside. */
function publicly(value: string, publicPath: string): string {
  if (value.startsWith('/')) return publicPath + value;
  return value.startsWith('</') ? `<${publicPath}${value.slice(1)}` : value;
}

/** The target of a request without the public path, which a proxy may have removed already. */
export function withoutPublicPath(target: string, publicPath: string): string {
  if (publicPath === '' || !target.startsWith(publicPath)) return target;
  const rest = target.slice(publicPath.length);
  if (rest === '' || rest.startsWith('?')) return `/${rest}`;
  return rest.startsWith('/') ? rest : target;
}
