import { setTimeout as sleep } from 'node:timers/promises';
import type { Message } from 'google-protobuf';
import anyPb from 'google-protobuf/google/protobuf/any_pb.js';
import emptyPb from 'google-protobuf/google/protobuf/empty_pb.js';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import statusPb from '@eventstore/db-client/generated/status_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import type { sendUnaryData, ServerDuplexStream, ServerReadableStream, ServerUnaryCall } from '@grpc/grpc-js';
import { faultOf, identify, notLeaderHere, refusalOf, type CallContext } from './call-context.js';
import { mayDo } from './rights.js';
import { nameOf, uuidOf } from './identifiers.js';
import { expectedRevisions, type AppendOutcome } from './log.js';
import type { ProposedEvent } from './recorded-event.js';
import {
  asPlanned,
  exceptionThrown,
  failure,
  maximumAppendSizeExceeded,
  streamDeleted,
  wrongExpectedVersion,
  type RpcError,
} from './rpc-errors.js';

type Proposed = streams.AppendReq.ProposedMessage | streams.BatchAppendReq.ProposedMessage;
type Expectation = {
  hasAny(): boolean;
  hasNoStream(): boolean;
  hasStreamExists(): boolean;
};
type BatchCall = ServerDuplexStream<streams.BatchAppendReq, streams.BatchAppendResp>;
type BatchAnswer = (response: streams.BatchAppendResp) => void;

interface PendingAppend {
  readonly options: streams.BatchAppendReq.Options;
  readonly messages: Proposed[];
}

/** The server gives an append so long by itself, and answers with its time limit then. */
const writeTimeout = 2_000;
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export function batchAppend(context: CallContext) {
  return (call: BatchCall): void => {
    // What a client sends in parts is put together by its correlation id.
    const pending = new Map<string, PendingAppend>();
    const fail = (error: RpcError) => void (call.writableEnded || call.emit('error', error));
    const answer: BatchAnswer = (response) => {
      if (!call.cancelled && !call.writableEnded && !call.destroyed) call.write(response);
    };
    const caller = identify(context, call.metadata);
    if ('code' in caller) return fail(caller);

    call.on('data', (request: streams.BatchAppendReq) => {
      const correlationId = request.getCorrelationId();
      const key = uuidOf(correlationId);
      const options = request.getOptions();
      if (options) pending.set(key, { options, messages: [] });
      const append = pending.get(key);
      if (!append) return fail(exceptionThrown());
      append.messages.push(...request.getProposedMessagesList());
      if (!request.getIsFinal()) return;
      pending.delete(key);
      context.counts.batchAppends++;
      const refusal = notLeaderHere(context, call.metadata);
      if (refusal && context.isReady()) return fail(refusal);
      answerBatch(context, append, {
        answer: (response) => answer(response.setCorrelationId(correlationId)),
        fail,
        mayWrite: (stream) => mayDo(context, caller, 'write', stream),
      });
    });
    call.on('end', () => call.end());
    // A connection that breaks is nothing to report here.
    call.on('cancelled', () => pending.clear());
    context.batchCalls.add(fail);
    for (const event of ['cancelled', 'close', 'error', 'end']) call.on(event, () => context.batchCalls.delete(fail));
  };
}

function answerBatch(
  context: CallContext,
  append: PendingAppend,
  to: { answer: BatchAnswer; fail: (error: RpcError) => void; mayWrite: (stream: string) => boolean },
): void {
  const { options, messages } = append;
  const stream = nameOf(options.getStreamIdentifier());
  const fault = faultOf(context, 'batch', { stream, eventIds: messages.map((message) => uuidOf(message.getId())) });
  const waiting = fault?.do === 'delay' ? sleep(fault.ms) : context.thawed();
  if (waiting) return void waiting.then(proceed);
  proceed();

  function proceed(): void {
    if (fault?.do === 'ignore') return;
    if (fault?.do === 'fail') return to.fail(asPlanned(fault));
    if (fault?.do === 'refuse') return to.answer(refused(fault.message));
    const { response, timesOut } = outcome();
    if (fault?.do === 'loseAnswer') return loseAnswer(context, fault.then);
    to.answer(response);
    if (timesOut || fault?.do === 'answerTwice')
      setTimeout(
        () => to.answer(refused('Timeout', new shared.Timeout(), 'Timeout')),
        fault?.do === 'answerTwice' ? (fault.ms ?? writeTimeout) : writeTimeout,
      ).unref();
  }

  /** A bad request is refused before it reaches the log, but its timer goes on: the server answers it a second time. */
  function outcome(): { response: streams.BatchAppendResp; timesOut?: boolean } {
    const deadline = options.getDeadline();
    if (deadline && deadline.getSeconds() * 1_000 + deadline.getNanos() / 1e6 < context.now())
      return { response: refused('Timeout', new shared.Timeout(), 'Timeout') };
    if (!to.mayWrite(stream) || context.denied.has(stream))
      return { response: refused('AccessDenied', new shared.AccessDenied(), 'AccessDenied') };
    if (!context.isReady()) return { response: refused('Server Is Not Ready') };
    if (stream === '') return { response: refused('BadRequest', new shared.BadRequest(), 'BadRequest') };
    const events = messages.map(proposedEvent);
    if (!events.every(isSound))
      return { response: refused('BadRequest', new shared.BadRequest(), 'BadRequest'), timesOut: true };
    if (sizeOf(context, events) > context.maxAppendSize)
      return {
        response: refused(
          'MaximumAppendSizeExceeded',
          new shared.MaximumAppendSizeExceeded().setMaxappendsize(context.maxAppendSize),
          'MaximumAppendSizeExceeded',
        ),
      };
    const expected = expectedOf(options, options.hasStreamPosition() ? options.getStreamPosition() : undefined);
    const result = context.log.append(stream, events, expected);
    switch (result.kind) {
      case 'appended':
        return { response: accepted(result) };
      case 'deleted':
        return {
          response: refused(
            'StreamDeleted',
            new shared.StreamDeleted().setStreamIdentifier(options.getStreamIdentifier()),
            'StreamDeleted',
          ),
        };
      case 'wrongVersion':
        return {
          response: refused('WrongExpectedVersion', wrongVersion(options, result.current), 'WrongExpectedVersion'),
        };
    }
  }

  function accepted({ revision, position }: Extract<AppendOutcome, { kind: 'appended' }>): streams.BatchAppendResp {
    const success = new streams.BatchAppendResp.Success().setCurrentRevision(String(revision));
    if (position === undefined) success.setNoPosition(new emptyPb.Empty());
    else
      success.setPosition(
        new shared.AllStreamPosition().setCommitPosition(String(position)).setPreparePosition(String(position)),
      );
    return new streams.BatchAppendResp().setStreamIdentifier(options.getStreamIdentifier()).setSuccess(success);
  }

  function refused(message: string, detail: Message = new emptyPb.Empty(), type?: string): streams.BatchAppendResp {
    const details = new anyPb.Any();
    details.pack(detail.serializeBinary(), type ? `event_store.client.${type}` : 'google.protobuf.Empty');
    return new streams.BatchAppendResp()
      .setStreamIdentifier(options.getStreamIdentifier())
      .setError(new statusPb.Status().setCode(2).setMessage(message).setDetails(details));
  }
}

function wrongVersion(options: streams.BatchAppendReq.Options, current: number): shared.WrongExpectedVersion {
  const detail = new shared.WrongExpectedVersion();
  if (current < 0) detail.setCurrentNoStream(new emptyPb.Empty());
  else detail.setCurrentStreamRevision(String(current));
  if (options.hasStreamPosition()) detail.setExpectedStreamPosition(options.getStreamPosition());
  else if (options.hasNoStream()) detail.setExpectedNoStream(new emptyPb.Empty());
  else if (options.hasStreamExists()) detail.setExpectedStreamExists(new emptyPb.Empty());
  else detail.setExpectedAny(new emptyPb.Empty());
  return detail;
}

export function append(context: CallContext) {
  return (
    call: ServerReadableStream<streams.AppendReq, streams.AppendResp>,
    callback: sendUnaryData<streams.AppendResp>,
  ): void => {
    let options: streams.AppendReq.Options | undefined;
    const messages: Proposed[] = [];
    call.on('data', (request: streams.AppendReq) => {
      options ??= request.getOptions();
      const message = request.getProposedMessage();
      if (message) messages.push(message);
    });
    call.on('end', () => void answer());

    async function answer(): Promise<void> {
      context.counts.appends++;
      const stream = nameOf(options?.getStreamIdentifier());
      const fault = faultOf(context, 'append', {
        stream,
        eventIds: messages.map((message) => uuidOf(message.getId())),
      });
      if (fault?.do === 'delay') await sleep(fault.ms);
      await context.thawed();
      if (call.cancelled || fault?.do === 'ignore') return;
      if (fault?.do === 'fail') return callback(failure(asPlanned(fault)));
      const refusal = refusalOf(context, call.metadata, 'write', stream);
      if (refusal) return callback(failure(refusal));
      const events = messages.map(proposedEvent);
      if (!options || stream === '' || !events.every(isSound)) return callback(failure(exceptionThrown()));
      if (sizeOf(context, events) > context.maxAppendSize)
        return callback(failure(maximumAppendSizeExceeded(context.maxAppendSize)));
      const expected = expectedOf(options, options.hasRevision() ? options.getRevision() : undefined);
      const result = context.log.append(stream, events, expected);
      if (fault?.do === 'loseAnswer') return loseAnswer(context, fault.then);
      switch (result.kind) {
        case 'appended':
          return callback(null, new streams.AppendResp().setSuccess(classicSuccess(result)));
        case 'wrongVersion':
          return callback(
            null,
            new streams.AppendResp().setWrongExpectedVersion(classicConflict(options, result.current)),
          );
        case 'deleted':
          return callback(failure(streamDeleted(stream)));
      }
    }
  };
}

function classicSuccess({
  revision,
  position,
}: Extract<AppendOutcome, { kind: 'appended' }>): streams.AppendResp.Success {
  const success = new streams.AppendResp.Success().setCurrentRevision(String(revision));
  return position === undefined
    ? success.setNoPosition(new shared.Empty())
    : success.setPosition(
        new streams.AppendResp.Position().setCommitPosition(String(position)).setPreparePosition(String(position)),
      );
}

function classicConflict(options: streams.AppendReq.Options, current: number): streams.AppendResp.WrongExpectedVersion {
  const conflict = new streams.AppendResp.WrongExpectedVersion();
  if (current < 0) conflict.setCurrentNoStream(new shared.Empty());
  else conflict.setCurrentRevision(String(current));
  if (options.hasRevision()) conflict.setExpectedRevision(options.getRevision());
  else if (options.hasNoStream()) conflict.setExpectedNoStream(new shared.Empty());
  else if (options.hasStreamExists()) conflict.setExpectedStreamExists(new shared.Empty());
  else conflict.setExpectedAny(new shared.Empty());
  return conflict;
}

export function deleteStream(context: CallContext) {
  return (
    call: ServerUnaryCall<streams.DeleteReq, streams.DeleteResp>,
    callback: sendUnaryData<streams.DeleteResp>,
  ): void => {
    context.counts.deletes++;
    void removed(context, call, 'delete', call.request.getOptions()).then((result) => {
      if (result === undefined) return;
      if (typeof result === 'object') return callback(failure(result));
      callback(
        null,
        new streams.DeleteResp().setPosition(
          new streams.DeleteResp.Position().setCommitPosition(String(result)).setPreparePosition(String(result)),
        ),
      );
    });
  };
}

export function tombstoneStream(context: CallContext) {
  return (
    call: ServerUnaryCall<streams.TombstoneReq, streams.TombstoneResp>,
    callback: sendUnaryData<streams.TombstoneResp>,
  ): void => {
    context.counts.tombstones++;
    void removed(context, call, 'tombstone', call.request.getOptions()).then((result) => {
      if (result === undefined) return;
      if (typeof result === 'object') return callback(failure(result));
      callback(
        null,
        new streams.TombstoneResp().setPosition(
          new streams.TombstoneResp.Position().setCommitPosition(String(result)).setPreparePosition(String(result)),
        ),
      );
    });
  };
}

/** The position of what marks the stream as deleted; undefined when there is to be no answer. */
async function removed(
  context: CallContext,
  call: Pick<ServerUnaryCall<unknown, unknown>, 'metadata'>,
  how: 'delete' | 'tombstone',
  options: streams.DeleteReq.Options | streams.TombstoneReq.Options | undefined,
): Promise<number | undefined | RpcError> {
  const stream = nameOf(options?.getStreamIdentifier());
  const fault = faultOf(context, how, { stream });
  if (fault?.do === 'delay') await sleep(fault.ms);
  await context.thawed();
  if (fault?.do === 'ignore') return undefined;
  if (fault?.do === 'fail') return asPlanned(fault);
  const refusal = refusalOf(context, call.metadata, 'delete', stream);
  if (refusal) return refusal;
  if (!options || stream === '') return exceptionThrown();
  const expected = expectedOf(options, options.hasRevision() ? options.getRevision() : undefined);
  const result = how === 'delete' ? context.log.softDelete(stream, expected) : context.log.tombstone(stream, expected);
  if (fault?.do === 'loseAnswer') return loseAnswer(context, fault.then);
  switch (result.kind) {
    case 'appended':
      return result.position;
    case 'deleted':
      return streamDeleted(stream);
    case 'wrongVersion':
      return wrongExpectedVersion(stream, expected, result.current);
  }
}

function loseAnswer({ cut, kill }: CallContext, then: 'cut' | 'kill' | undefined): undefined {
  if (then === 'cut') setImmediate(cut);
  if (then === 'kill') setImmediate(kill);
}

function expectedOf(options: Expectation, revision: string | undefined): number {
  if (revision !== undefined) return Number(revision);
  if (options.hasNoStream()) return expectedRevisions.noStream;
  return options.hasStreamExists() ? expectedRevisions.streamExists : expectedRevisions.any;
}

function proposedEvent(proposed: Proposed): ProposedEvent {
  const system = proposed.getMetadataMap();
  return {
    id: uuidOf(proposed.getId()).toLowerCase(),
    type: system.get('type') ?? '',
    json: system.get('content-type') === 'application/json',
    data: proposed.getData_asU8(),
    metadata: proposed.getCustomMetadata_asU8(),
  };
}

const isSound = ({ id, type }: ProposedEvent): boolean => type !== '' && uuid.test(id);

/** 23.10 counts the data only. */
function sizeOf({ sizeRule }: CallContext, events: readonly ProposedEvent[]): number {
  return events.reduce(
    (sum, { data, metadata, type }) =>
      sum + data.length + (sizeRule === '23.10' ? 0 : metadata.length + 2 * type.length),
    0,
  );
}
