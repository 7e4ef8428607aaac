import { Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { acceptable, Answer, badRequest, nameOf, Problem, publicFields } from '#http';
import { Controller, HttpCode, Post, Req, Res, type BeforeApplicationShutdown } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ServedLedger } from '../served-ledger.js';
import { OfManyRequesters } from '../requester-guard.js';
import { bulkItems, commandOf, type BulkItem } from './bulk-items.js';
import { throughLanes } from './lanes.js';
import type { SendCommand } from './send-command.js';
import { isDryRun } from './incoming-command.js';
import { Documented } from '../contract/documented.js';

const json = 'application/json';
const ndjson = 'application/x-ndjson';
const largestBody = 1024 * 1024;
/** The number of relationships whose commands are decided at once. */
const atOnce = 16;
/**
 * In characters. Once the answers are this long, no further item is started: a refusal may hold a megabyte of blockers, and
 * 500 of these do not fit into one string.
 */
const enoughAnswers = 8 * 1024 * 1024;

/** Many commands in one request, each decided and answered as at its own route. */
@Controller('v1/commands')
export class BulkController implements BeforeApplicationShutdown {
  private stopping = false;

  constructor(
    private readonly commands: CommandBus,
    private readonly ledger: ServedLedger,
  ) {}

  beforeApplicationShutdown(): void {
    this.stopping = true;
  }

  @Post()
  @Documented({
    id: 'sendCommands',
    summary: 'Send many commands',
    kind: 'bulk',
    answer: 'BulkAnswer',
    says:
      'Taken: each command is decided as if it had been sent alone, and its status, headers and body are what its own route would have answered. ' +
      'Commands of one relationship are decided in the given order; a refused one does not stop the next. ' +
      'Once the answers reach 8 MiB, each command that has not started is answered with 429 and can be sent again under its key. ' +
      'As application/x-ndjson, each answer comes as soon as it is ready, on a line of its own. An item without an answer has not started, or its answer is lost: it can be sent again under its key.',
  })
  @HttpCode(200)
  @OfManyRequesters()
  @RouteConfig({ answers: [json, ndjson], largestBody })
  async send(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<unknown> {
    const { headers, call, server, body } = request;
    const dryRun = isDryRun(request);
    for (const name of ['Idempotency-Key', 'If-Match', 'If-None-Match'])
      if (headers[name.toLowerCase()] !== undefined)
        throw badRequest('InvalidHeader', name, 'belongs to each item of a bulk: send it there');
    const items = bulkItems(body, call);
    server.charge(request, reply, items.length - 1);
    call.outcome = 'bulk';

    const sender = { gone: false };
    reply.raw.once('close', () => (sender.gone = true));
    const lanes = Map.groupBy(items, ({ lane }) => lane);
    // Without a turn of the event loop between them, hundreds of items that append nothing would block all other callers.
    // The items of a dry run wait in line like other questions.
    const mayStart = dryRun ? () => this.ledger.turns.take(nameOf(call.caller!)) : () => turn();
    let answered = 0;
    const answers = throughLanes([...lanes.values()], atOnce, async (item) => {
      await mayStart();
      const answer = await this.answerTo(item, dryRun, request, sender, answered >= enoughAnswers);
      answered += answer.text.length;
      server.oweFor(request, item.call, answer.text.length);
      return answer;
    });
    if (acceptable(headers.accept, [json, ndjson]) === ndjson) {
      reply.header('content-type', `${ndjson}; charset=utf-8`);
      return Readable.from(linesOf(answers), { objectMode: false, highWaterMark: 64 * 1024 });
    }
    const texts: string[] = [];
    for await (const { index, text } of answers) texts[index] = text;
    return new Answer(200, {}, `{"items":[${texts.join(',')}]}`);
  }

  private async answerTo(
    item: BulkItem,
    dryRun: boolean,
    { server }: FastifyRequest,
    sender: { readonly gone: boolean },
    isEnough: boolean,
  ): Promise<ItemAnswer> {
    const { call, instance, route, members } = item;
    try {
      // After a lost connection or a stop of the server, the sender sends the item again under the same key.
      if (this.stopping || sender.gone) throw new Problem('ShuttingDown', { outcome: 'none' }, { 'Retry-After': '1' });
      if (isEnough) throw new Problem('TooManyRequests', { outcome: 'none' }, { 'Retry-After': '1' });
      const command = commandOf(item, dryRun, this.ledger.partners);
      const { status, headers, body } = await this.commands.execute<SendCommand, Answer>(command);
      return itemAnswer(item, status, publicFields(headers, server.publicPath), `${json}; charset=utf-8`, body);
    } catch (error) {
      const { partnerId } = members;
      const { status, headers, body } = server.problemOf(error, {
        call,
        instance,
        method: 'POST',
        route: route ?? '/v1/commands',
        namedPartner: typeof partnerId === 'string' ? partnerId : undefined,
      });
      return itemAnswer(
        item,
        status,
        publicFields(headers, server.publicPath),
        'application/problem+json; charset=utf-8',
        body,
      );
    }
  }
}

interface ItemAnswer {
  readonly index: number;
  /** JSON. */
  readonly text: string;
}

function itemAnswer(
  { index, call }: BulkItem,
  status: number,
  headers: Readonly<Record<string, string>>,
  type: string,
  body: Answer['body'],
): ItemAnswer {
  const all = JSON.stringify({ ...headers, 'Content-Type': type, 'X-Correlation-Id': call.correlationId });
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return { index, text: `{"index":${index},"status":${status},"headers":${all},"body":${text}}` };
}

async function* linesOf(answers: AsyncIterable<ItemAnswer>): AsyncGenerator<string> {
  for await (const { text } of answers) yield `${text}\n`;
}
