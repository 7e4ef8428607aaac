import { firstInstantAfter } from '#customer-relationship';
import { openEventLog, requireEventLog } from '#event-log';
import { coming, type Asked, type Coming } from '../coming.js';

export interface DueAsked extends Asked {
  readonly json: boolean;
}

/**
 * Lists what time alone brings about next, from the log itself: without views, with or without a running server. It only
 * reads. A line has tabs between when the command is accepted, the command, the item, its id, the customer, the partner, and
 * the status from then on.
 */
export async function listDue(directory: string, { json, ...asked }: DueAsked): Promise<void> {
  const { store, connect } = await openEventLog(requireEventLog(process.env, directory), { readOnly: true });
  try {
    await connect();
    const all = await coming(store, asked);
    const now = new Date().toISOString();
    const overdue = all.filter(({ boundary }) => boundary.at < now).length;
    const rows = all.map(rowOf);
    if (json) return console.log(JSON.stringify({ items: rows, overdue }));
    for (const row of rows) console.log(Object.values(row).join('\t'));
    process.stderr.write(`${all.length} come next, ${overdue} of them are overdue.\n`);
  } finally {
    await store.close();
  }
}

/** In the order of the columns. */
function rowOf({ boundary, item, customerId, partnerId }: Coming) {
  const { at, command, status } = boundary;
  return {
    acceptedFrom: firstInstantAfter(at),
    command,
    noun: item.noun,
    id: item.id,
    customerId,
    partnerId,
    statusThen: status,
  };
}
