import { Answer, badRequest, isGuid, requireUntagged } from '#http';
import { Controller, Delete, Get, Query } from '@nestjs/common';
import { ServedLedger } from '../served-ledger.js';
import { requireReader } from '../requester.js';
import { Incoming, type IncomingQuery } from '../queries/incoming-query.js';
import { NoParameters } from '../queries/parameters.js';
import { patienceOf } from '../queries/prefer.js';
import { endedWithin, type Operation } from './operations.js';
import { Documented } from '../contract/documented.js';

/** The address of an operation for a partner's people, and for a customer's people, who name the partner and themselves. */
const paths = ['v1/operations', 'v1/partners/:partnerId/customers/:customerId/operations'];

/** Operations that take longer than a request, for those who started them. */
@Controller(paths)
export class OperationsController {
  constructor(private readonly ledger: ServedLedger) {}

  /** `Prefer: wait=n` waits for its end. */
  @Get(':operationId')
  @Documented({
    id: 'getOperation',
    summary: 'Read an operation',
    kind: 'operation',
    answer: 'Operation',
    says: 'The operation and its progress.',
  })
  async operation(
    @Incoming() { requester, ids, headers, publicPath }: IncomingQuery,
    @Query() _: NoParameters,
  ): Promise<Answer> {
    requireReader(requester);
    const operation = this.ledger.operations.find(requester, idOf(ids));
    const { ms, applied } = patienceOf(headers.prefer, 0);
    await endedWithin(operation, ms);
    return operationAnswer(200, operation, publicPath, applied);
  }

  @Delete(':operationId')
  @Documented({
    id: 'cancelOperation',
    summary: 'Cancel an operation',
    kind: 'operation',
    answer: 'Operation',
    says: 'Cancelled, unless another caller waits for the same; an operation that had ended stays as it is.',
  })
  cancel(@Incoming() { requester, ids, headers, publicPath }: IncomingQuery, @Query() _: NoParameters): Answer {
    requireReader(requester);
    const { operations } = this.ledger;
    operations.find(requester, idOf(ids));
    requireUntagged(headers);
    return operationAnswer(200, operations.cancel(requester, idOf(ids)), publicPath);
  }
}

function idOf({ operationId }: IncomingQuery['ids']): string {
  if (!isGuid(operationId)) throw badRequest('InvalidPath', 'operationId', 'must be a GUID');
  return operationId;
}

export function operationAnswer(
  status: number,
  operation: Operation,
  publicPath: string,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  const retry: Record<string, string> = operation.isGoing ? { 'Retry-After': '1' } : {};
  return new Answer(status, { ...headers, ...retry }, operation.shown(publicPath));
}
