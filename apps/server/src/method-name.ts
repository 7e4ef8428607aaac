/** The methods that OpenTelemetry's conventions know; every other has one name, so that no caller can add series. */
const knownMethods = new Set(['CONNECT', 'DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT', 'QUERY', 'TRACE']);

/** The method's name in metrics and traces. */
export function methodName(method: string): string {
  return knownMethods.has(method) ? method : '_OTHER';
}
