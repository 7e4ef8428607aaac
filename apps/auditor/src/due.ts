import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { firstInstantAfter } from '#customer-relationship';
import { openEventLog, requireEventLog } from '#event-log';
import { coming, type Asked, type Coming } from './coming.js';

// npm run due [-- --partner GUID] [--customer GUID] [--until TIME] [--data-dir DIR]
// Lists what time alone brings about next, from the log itself: without views, with or without a running server. It only
// reads. A line has tabs between when the command is accepted, the command, the item, its id, the customer, the partner, and
// the status from then on. The exit code is 0, or 2 when the list could not be made.

const guid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

function askedFor(): Asked & { readonly directory: string } {
  const { values } = parseArgs({
    options: {
      partner: { type: 'string' },
      customer: { type: 'string' },
      until: { type: 'string' },
      'data-dir': { type: 'string' },
    },
  });
  return {
    partnerId: tenantOf('partner', values.partner),
    customerId: tenantOf('customer', values.customer),
    until: timeOf(values.until),
    directory: resolve(values['data-dir'] ?? process.env['DATA_DIR'] ?? './data'),
  };
}

function tenantOf(option: string, value: string | undefined): string | undefined {
  if (value !== undefined && !guid.test(value)) throw new Error(`--${option} must be the GUID of a tenant`);
  return value?.toLowerCase();
}

function timeOf(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  const time = Date.parse(value);
  if (Number.isNaN(time)) throw new Error('--until must be a time, as 2027-01-31T12:00:00Z or 2027-01-31');
  return new Date(time).toISOString();
}

function lineOf({ boundary, item, customerId, partnerId }: Coming): string {
  const { at, command, status } = boundary;
  return [firstInstantAfter(at), command, item.noun, item.id, customerId, partnerId, status].join('\t');
}

try {
  const { directory, ...asked } = askedFor();
  const { store, connect } = await openEventLog(requireEventLog(process.env, directory), { readOnly: true });
  try {
    await connect();
    const all = await coming(store, asked);
    for (const each of all) console.log(lineOf(each));
    const now = new Date().toISOString();
    const overdue = all.filter(({ boundary }) => boundary.at < now).length;
    process.stderr.write(`${all.length} come next, ${overdue} of them are overdue.\n`);
  } finally {
    await store.close();
  }
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
