import type { CommandName } from '#customer-relationship';
import type { CommandWatch } from '#event-sourcing';
import { spanKind, type OpenSpan } from '#telemetry';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { methodName } from './method-name.js';
import type { ServedLedger } from './served-ledger.js';

// What traces show, by the names of OpenTelemetry's conventions where there are any. As in the log: identifiers and our own
// words only, and no id of a customer. So `url.path` is left out, and the route's pattern stands for it.

/** Ends the span of a request that is traced. */
export function endRequestSpan(
  { call, method, routeOptions, raw }: FastifyRequest,
  { statusCode }: FastifyReply,
): void {
  const span = call.trace?.span;
  if (!span) return;
  const name = methodName(method);
  const { url } = routeOptions;
  const attributes: (string | number)[] = [
    'http.request.method',
    name,
    'url.scheme',
    'http',
    'network.protocol.version',
    raw.httpVersion,
    'http.response.status_code',
    statusCode,
  ];
  if (url !== undefined) attributes.push('http.route', url);
  if (call.partnerId !== undefined) attributes.push('ledger.partner.id', call.partnerId);
  if (call.outcome !== undefined) attributes.push('ledger.outcome', call.outcome);
  if (call.problem !== undefined) attributes.push('ledger.problem', call.problem);
  // A refusal is no error of the server (HTTP conventions).
  const error = statusCode >= 500 ? (call.problem ?? String(statusCode)) : '';
  span.end(url === undefined ? name : `${name} ${url}`, spanKind.server, call.startedAt, attributes, error);
}

/** Notes the steps of a command below a span. */
export function commandWatch(
  span: OpenSpan,
  command: CommandName,
  { place }: Pick<ServedLedger, 'place'>,
): CommandWatch {
  const system = place === undefined ? 'sqlite' : 'eventstoredb';
  return {
    decided(beganAt, outcome, code) {
      const attributes = ['ledger.command', command, 'ledger.outcome', outcome];
      if (code !== undefined) attributes.push('ledger.rejection', code);
      span.step(`decide ${command}`, spanKind.internal, beganAt, attributes);
    },
    appended(beganAt, events, error) {
      const attributes = ['db.system.name', system, 'db.operation.name', 'append', 'db.collection.name', 'events'];
      span.step(
        'append events',
        spanKind.client,
        beganAt,
        [...attributes, 'ledger.events', events],
        error === undefined ? '' : (error as Error).name,
      );
    },
  };
}
