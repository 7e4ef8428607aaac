import { hash } from 'node:crypto';
import { settle, type CustomerRelationship, type ItemRef, type Policy } from '#customer-relationship';
import { Rejection, type Frozen } from '#event-sourcing';
import { Answer, entityTag, nameOf, noneMatch } from '#http';
import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { momentOf, type Moment, type RelationshipAsOfParameters } from '../as-of/moment.js';
import { relationshipThen } from '../as-of/relationship-then.js';
import { ServedLedger } from '../served-ledger.js';
import { requireReader, type Requester } from '../requester.js';
import { formFor } from '../representation.js';
import type { IncomingQuery } from './incoming-query.js';

/** The outside facts that an answer depends on: now, or at the moment that was asked for. */
export interface Circumstances {
  readonly now: string;
  readonly policy: Policy;
}

type State = Frozen<CustomerRelationship>;

/** How a relationship, or a part of it, is shown. */
export interface Shown<Body extends object = object> {
  /** The items that time may have changed: they are shown as it has left them, recorded or not (rule T1). */
  readonly items: readonly ItemRef[];
  /** @throws Rejection as the answer */
  readonly body: (settled: State, requester: Requester, at: Circumstances) => Body;
}

/** A question about one relationship, as it stands or stood. It is answered from the stream, so it never lags. */
export class ReadRelationship {
  constructor(
    readonly incoming: IncomingQuery,
    readonly shown: Shown,
    readonly parameters: RelationshipAsOfParameters,
    readonly options: {
      /** The answer can change without a new revision: it has no tag. */
      readonly dependsOnClock?: boolean;
    } = {},
  ) {}
}

@QueryHandler(ReadRelationship)
export class ReadRelationshipHandler implements IQueryHandler<ReadRelationship, Answer> {
  constructor(private readonly ledger: ServedLedger) {}

  async execute(query: ReadRelationship): Promise<Answer> {
    const { incoming, shown, parameters, options } = query;
    const { requester, headers: sent } = incoming;
    requireReader(requester);
    // The fold of the log never lags: every position in the log has been reached.
    await this.ledger.positions.asked(sent);
    const moment = await momentOf(parameters, this.ledger);
    if (moment) return this.asItStood(query, moment);
    const { policy, clock } = this.ledger;
    const now = clock.now();
    const answer = await this.ledger.relationships.ask(requester.stream, (recorded, { revision, position }) => {
      if (revision < 0) throw new Rejection('RelationshipNotFound');
      const { state, due } = settle(recorded, shown.items, now, policy);
      const body = () => ({ ...shown.body(state, requester, { now, policy }), revision, position: String(position) });
      const tag = options.dependsOnClock ? undefined : entityTag(revision, formFor(requester.partner), due.at(-1)?.at);
      return { position, ...answered(sent, tag, body) };
    });
    return this.placed(answer);
  }

  private async asItStood({ incoming, shown, options }: ReadRelationship, moment: Moment): Promise<Answer> {
    const { store, longReadings, turns } = this.ledger;
    const { requester, headers: sent, requireThere } = incoming;
    const name = nameOf(requester.actor);
    const then = await longReadings(name, async () => {
      requireThere();
      return relationshipThen(store, requester.stream, moment, () => turns.take(name).then(requireThere));
    });
    const { revision, position, asOf } = then;
    const { state } = settle(then.state, shown.items, asOf, this.ledger.policy);
    const at: Circumstances = {
      now: asOf,
      // Throws for an unknown policy, which concerns only answers that use it.
      get policy() {
        return then.policy();
      },
    };
    const body = () => ({ asOf, ...shown.body(state, requester, at), revision, position: String(position) });
    const tag = options.dependsOnClock ? undefined : tagThen(revision, formFor(requester.partner), asOf);
    return this.placed({ position, ...answered(sent, tag, body) });
  }

  private async placed({
    position,
    status,
    headers,
    text,
  }: ReturnType<typeof answered> & { readonly position: number }) {
    return new Answer(status, { 'Ledger-Position': await this.ledger.positions.at(position), ...headers }, text);
  }
}

/** The text is made at once, because the state changes later. */
function answered(sent: IncomingQuery['headers'], tag: string | undefined, body: () => object) {
  const headers: Record<string, string> = tag === undefined ? {} : { ETag: tag };
  if (tag !== undefined && noneMatch(sent['if-none-match'], tag)) return { status: 304, headers, text: undefined };
  return { status: 200, headers, text: JSON.stringify(body()) };
}

/** Has another form than the tag of a present state, so as `If-Match` it never matches. */
function tagThen(revision: number, form: string, asOf: string): string {
  return `"${revision}.${form}.${hash('sha256', asOf).slice(0, 12)}"`;
}
