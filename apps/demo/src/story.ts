import type { Actor, Instant, Partner, RejectionCode } from '#customer-relationship';
import type { Command, CommandData, CommandName } from '#client';
import type { Company } from './companies.js';
import { guidFor, randomFor, type Random } from './random.js';

/** One command of the book, its sender, and the expected answer. */
export interface Step {
  /** Unique in the book and the same in every run of it, so that a second run replays the first. */
  readonly idempotencyKey: string;
  readonly command: Command;
  readonly by: Actor;
  /** The expected refusal; absent where the command is accepted. */
  readonly refusedAs?: RejectionCode;
}

/** What happens between a partner and one customer, in order. */
export interface CustomerStory {
  readonly title: string;
  readonly partner: Partner;
  readonly customer: Company & { readonly id: string };
  readonly steps: readonly Step[];
}

/** What a chapter uses to add to its story. */
export interface Author extends Random, Pick<CustomerStory, 'partner' | 'customer'> {
  /** That of the partner's market. */
  readonly currency: string;
  readonly staff: ReturnType<typeof staffOf>;
  readonly customerAdmin: Actor;
  /** Adds a command to the story. The server is expected to accept it, or to refuse it with the code. */
  readonly send: <N extends CommandName>(type: N, data: CommandData<N>, by: Actor, refusedAs?: RejectionCode) => void;
  /** A new GUID. */
  readonly id: () => string;
  /** A time in working hours, that many days before the book's day. At least one day, so that it has passed in every time zone. */
  readonly daysAgo: (days: number) => Instant;
}

export function writeStory(
  seed: string,
  index: number,
  today: string,
  partner: Partner,
  company: Company,
  { title, chapters }: Plot,
): CustomerStory {
  const label = `${seed}/${index}`;
  const random = randomFor(label);
  const customer = { ...company, id: guidFor(`${label}/customer`) };
  const steps: Step[] = [];
  let ids = 0;
  const author: Author = {
    ...random,
    partner,
    customer,
    currency: { US: 'USD', GB: 'GBP', CH: 'CHF', JP: 'JPY', CA: 'CAD', AU: 'AUD' }[partner.market] ?? 'EUR',
    staff: staffOf(partner),
    customerAdmin: {
      id: `it-lead-${customer.id.slice(0, 8)}`,
      kind: 'customerUser',
      roles: ['CustomerGlobalAdmin'],
      tenant: customer.id,
    },
    send(type, data, by, refusedAs) {
      steps.push({
        idempotencyKey: `demo-${seed}-${index}-${steps.length}`,
        // The one cast: the compiler cannot see that a name and its payload belong together once both are generic.
        command: { type, data } as unknown as Command,
        by,
        ...(refusedAs ? { refusedAs } : {}),
      });
    },
    id: () => guidFor(`${label}/${ids++}`),
    daysAgo: (days) => {
      const day = Date.parse(`${today}T00:00:00.000Z`) - days * 86_400_000;
      return new Date(day + random.between(7 * 60, 17 * 60) * 60_000).toISOString();
    },
  };
  for (const chapter of chapters) chapter(author);
  return { title, partner, customer, steps };
}

export type Chapter = (author: Author) => void;

/** A kind of customer: how its relationship goes and what it buys. */
export interface Plot {
  readonly title: string;
  /** How often it happens, compared with the others. */
  readonly weight: number;
  readonly chapters: readonly Chapter[];
  /** The partner is an indirect reseller, which may not sell. */
  readonly byIndirectReseller?: boolean;
}

/** The partner's people and apps, each with the roles that the work asks for. */
function staffOf(partner: Partner) {
  const user = (id: string, ...roles: Actor['roles']): Actor => ({
    id: `${id}-${partner.partnerId}`,
    kind: 'partnerUser',
    roles,
    tenant: partner.tenantId,
  });
  const app = (id: string, ...roles: Actor['roles']): Actor => ({ ...user(id, ...roles), kind: 'partnerApp' });
  return {
    sales: user('sales', 'SalesAgent'),
    admin: user('admin', 'AdminAgent'),
    globalAdmin: user('global-admin', 'GlobalAdmin', 'AdminAgent'),
    helpdesk: user('helpdesk', 'HelpdeskAgent'),
    billing: user('billing', 'BillingAdmin'),
    /** Reports what happened elsewhere: provisioning, settled cancellations, acceptances by link. */
    syncApp: app('sync-app', 'AdminAgent'),
    /** Sends the commands of the clock. */
    clockApp: app('clock-app', 'BillingAdmin'),
  };
}
