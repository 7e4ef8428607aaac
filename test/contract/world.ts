import fc from 'fast-check';
import type { Operation } from './document.js';
import { oneIn, pick, type Draw } from './values.js';

// What the answers so far have created: the ids that later requests are about.

export type Ids = Readonly<Record<string, string>>;

export interface Customer {
  readonly id: string;
  readonly partner: string;
  /** As the last answer has shown it. */
  status: 'unknown' | 'requested' | 'active' | 'removed';
  /** By the names that paths have for them; what lies under another names that too. */
  readonly items: Ids[];
  /** Entity tags, the last one last. */
  readonly tags: string[];
  revision: number;
}

export class World {
  readonly customers: Customer[] = [];
  /** As answers bring them, the last one last. */
  readonly positions: string[] = [];
  /** Addresses of further pages, the latest of each. */
  readonly nextPages = new Map<Operation, readonly string[]>();
  /** Of lists, for If-None-Match. */
  readonly listTags: string[] = [];
  /** Ids of work that goes on, the last one last. */
  readonly operations: string[] = [];
  private names = 0;
  private keys = 0;

  constructor(private readonly partners: readonly string[]) {}

  /** A customer to send a command or a question about, in the state that makes an answer likely. */
  customer(draw: Draw, wanted: Customer['status'] | undefined, names: readonly string[]): Customer {
    const recent = this.customers.slice(-24);
    if (recent.length < 4 || (wanted === 'unknown' && !oneIn(draw, 4)) || oneIn(draw, 60))
      return this.newCustomer(draw);
    const fitting = recent.filter(
      ({ status, items }) =>
        (wanted === undefined || status === wanted) &&
        (names.length === 0 || items.some((item) => names.every((name) => name in item))),
    );
    return pick(draw, fitting.length > 0 && !oneIn(draw, 12) ? fitting : recent);
  }

  private newCustomer(draw: Draw): Customer {
    const partner = oneIn(draw, 8) ? this.partners[1]! : this.partners[0]!;
    return this.addCustomer(draw(fc.uuid({ version: 4 })), partner);
  }

  addCustomer(id: string, partner: string): Customer {
    const customer: Customer = { id, partner, status: 'unknown', items: [], tags: [], revision: 0 };
    this.customers.push(customer);
    return customer;
  }

  /** Ids for the parts of a path, mostly of something that is there. */
  ids(draw: Draw, customer: Customer, names: readonly string[]): Ids {
    if (names.length === 0) return {};
    if (names[0] === 'operationId') return { operationId: this.operations.at(-1) ?? draw(fc.uuid({ version: 4 })) };
    const known = customer.items.filter((item) => names.every((name) => name in item));
    if (known.length > 0 && !oneIn(draw, 15)) return pick(draw, known.slice(-5));
    return Object.fromEntries(names.map((name) => [name, this.newId(draw)]));
  }

  newId(draw: Draw): string {
    return `i-${draw(fc.nat(0xffff_ffff)).toString(16)}`;
  }

  /** Never the same twice: what comes again comes from a retry. */
  newKey(): string {
    return `key-${++this.keys}`;
  }

  newName(): string {
    return `Name ${++this.names}`;
  }
}
