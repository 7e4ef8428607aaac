import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import {
  customerRelationship,
  defaultPolicy,
  relationshipStream,
  type Partner,
  type RelationshipEvents,
} from '#customer-relationship';
import { decideOn, fold, Rejection, type MessageOf } from '#event-sourcing';
import {
  Body,
  ConflictException,
  Controller,
  HttpCode,
  Inject,
  Module,
  Param,
  Post,
  ValidationPipe,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { CommandBus, CommandHandler, CqrsModule, type ICommandHandler } from '@nestjs/cqrs';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import Database from 'better-sqlite3';
import { IsInt, IsOptional, IsString, Max, MaxLength, Min } from 'class-validator';
import { naiveSchema } from './naive-schema.js';

// What the ledger is measured against: the same decision on the same histories in the NestJS that anybody would write
// first. A validation pipe, the command bus, the stream read and folded for every command, one transaction per command,
// every commit synced to the disk. No authentication, no idempotency, no hash chain, no views, no log: all of that is on
// the ledger's side only. It is not made slow on purpose: Fastify, prepared statements, memory-mapped reads.

const [file, port, partnerJson] = process.argv.slice(2) as [string, string, string];
const partner = JSON.parse(partnerJson) as Partner;

class ChangeQuantityBody {
  @IsInt() @Min(1) @Max(1_000_000_000) quantity!: number;
  @IsOptional() @IsString() @MaxLength(1_000) comment?: string;
}

class ChangeQuantity {
  constructor(
    readonly customerId: string,
    readonly subscriptionId: string,
    readonly quantity: number,
    readonly comment: string | undefined,
  ) {}
}

class EventLog {
  private readonly database = new Database(file);
  private readonly read;
  private readonly insert;

  constructor() {
    this.database.pragma('journal_mode = WAL');
    // The driver is compiled to fall back to NORMAL in WAL mode, which may lose acknowledged commits.
    this.database.pragma('synchronous = FULL');
    this.database.pragma('mmap_size = 1073741824');
    this.database.exec(naiveSchema);
    this.read = this.database.prepare('SELECT revision, type, data FROM events WHERE stream = ? ORDER BY revision');
    this.insert = this.database.prepare(
      'INSERT INTO events (id, stream, revision, type, data, metadata) VALUES (?, ?, ?, ?, ?, ?)',
    );
  }

  load(stream: string): { revision: number; type: string; data: string }[] {
    return this.read.all(stream) as { revision: number; type: string; data: string }[];
  }

  /** The unique index refuses a revision that another command has taken in between. */
  append(stream: string, revision: number, events: readonly MessageOf<RelationshipEvents>[], metadata: object): void {
    this.database.transaction(() => {
      let next = revision;
      for (const { type, data } of events)
        this.insert.run(randomUUID(), stream, ++next, type, JSON.stringify(data), JSON.stringify(metadata));
    })();
  }
}

@CommandHandler(ChangeQuantity)
class ChangeQuantityHandler implements ICommandHandler<ChangeQuantity> {
  constructor(@Inject(EventLog) private readonly log: EventLog) {}

  async execute({ customerId, subscriptionId, quantity, comment }: ChangeQuantity) {
    const stream = relationshipStream(partner.tenantId, customerId);
    const rows = this.log.load(stream);
    const state = customerRelationship.initialState();
    for (const { type, data } of rows)
      fold(customerRelationship, [{ type, data: JSON.parse(data) as unknown } as MessageOf<RelationshipEvents>], state);

    const now = new Date().toISOString();
    const actor = { id: 'anybody', kind: 'partnerUser', roles: ['AdminAgent'], tenant: partner.tenantId } as const;
    const command = { type: 'ChangeSubscriptionQuantity' as const, data: { subscriptionId, quantity } };
    const context = { now, actor, policy: defaultPolicy, partner, customerId };
    const events = decideOn(customerRelationship, state, command, context);
    const revision = rows.at(-1)?.revision ?? -1;
    this.log.append(stream, revision, events, {
      commandId: randomUUID(),
      correlationId: randomUUID(),
      actor,
      comment,
      recordedAt: now,
    });
    return {
      relationship: { partnerId: partner.tenantId, customerId, status: state.status },
      revision: revision + events.length,
      events: events.map(({ type }) => type),
    };
  }
}

@Controller('v1/customers/:customerId/subscriptions/:subscriptionId')
class SubscriptionController {
  constructor(@Inject(CommandBus) private readonly commands: CommandBus) {}

  @Post('quantity')
  @HttpCode(200)
  async changeQuantity(
    @Param('customerId') customerId: string,
    @Param('subscriptionId') subscriptionId: string,
    @Body() { quantity, comment }: ChangeQuantityBody,
  ): Promise<unknown> {
    try {
      return await this.commands.execute(new ChangeQuantity(customerId, subscriptionId, quantity, comment));
    } catch (error) {
      if (error instanceof Rejection) throw new ConflictException({ code: error.code, ...error.details });
      throw error;
    }
  }
}

@Module({
  imports: [CqrsModule.forRoot()],
  controllers: [SubscriptionController],
  providers: [EventLog, ChangeQuantityHandler],
})
class NaiveModule {}

const app = await NestFactory.create<NestFastifyApplication>(NaiveModule, new FastifyAdapter(), { logger: false });
app.useGlobalPipes(new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true, transform: true }));
await app.listen(Number(port), '127.0.0.1');
process.send?.('ready');
