import { Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { acceptable, Answer, badRequest, nameOf, Problem } from '#http';
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
 * In characters. A refusal may hold a megabyte of blockers, and 500 of them more than one string can: the answer would be
 * lost. Once the answers are this long, no further item is begun.
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
      'Taken: each command is decided and answered as if it had come alone, and status, headers and body of each are what its own route would have answered. ' +
      'Commands of one relationship follow each other in the given order; one that is refused does not keep back the next. ' +
      'Once the answers have 8 MiB, what has not begun is answered with 429 and can be sent again under its key. ' +
      'As application/x-ndjson answers come as they are there, one on each line; items without an answer have not been begun or are lost, and can be sent again under their keys.',
  })
  @HttpCode(200)
  @OfManyRequesters()
  @RouteConfig({ answers: [json, ndjson], largestBody })
  async send(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<unknown> {
    const { headers, call, server, body } = request;
    const dryRun = isDryRun(request);
    for (const name of ['Idempotency-Key', 'If-Match'])
      if (headers[name.toLowerCase()] !== undefined)
        throw badRequest('InvalidHeader', name, 'belongs to each item of a bulk: send it there');
    const items = bulkItems(body, call);
    server.charge(request, reply, items.length - 1);
    call.outcome = 'bulk';

    const sender = { gone: false };
    reply.raw.once('close', () => (sender.gone = true));
    const lanes = Map.groupBy(items, ({ lane }) => lane);
    // An embedded database answers at once where nothing is appended: without turns of the event loop between the items,
    // hundreds of them would block all other callers. The items of a dry run wait in line like other questions.
    const mayBegin = dryRun ? () => this.ledger.turns.take(nameOf(call.caller!)) : () => turn();
    let answered = 0;
    const answers = throughLanes([...lanes.values()], atOnce, async (item) => {
      await mayBegin();
      const answer = await this.answerTo(item, dryRun, request, sender, answered >= enoughAnswers);
      answered += answer.text.length;
      server.chargeForAnswer(request, answer.text.length);
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
    const { index, call, instance, route, members } = item;
    try {
      // A sender whose connection is lost, or whose server stops, sends the item again under the same key.
      if (this.stopping || sender.gone) throw new Problem('ShuttingDown', { outcome: 'none' }, { 'Retry-After': '1' });
      if (isEnough) throw new Problem('TooManyRequests', { outcome: 'none' }, { 'Retry-After': '1' });
      const command = commandOf(item, dryRun, this.ledger.partners);
      const { status, headers, body } = await this.commands.execute<SendCommand, Answer>(command);
      return itemAnswer(item, status, headers, `${json}; charset=utf-8`, body);
    } catch (error) {
      const { partnerId } = members;
      const { status, headers, body } = server.problemOf(error, {
        call,
        instance,
        method: 'POST',
        route: route ?? '/v1/commands',
        namedPartner: typeof partnerId === 'string' ? partnerId : undefined,
      });
      return itemAnswer({ index, call }, status, headers, 'application/problem+json; charset=utf-8', body);
    }
  }
}

interface ItemAnswer {
  readonly index: number;
  /** JSON. */
  readonly text: string;
}

function itemAnswer(
  { index, call }: Pick<BulkItem, 'index' | 'call'>,
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
