import { SpanStatusCode, TraceFlags, type Attributes, type HrTime, type SpanContext } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import type { SpanBatch } from './span-queue.js';
import { randomHex, type StepRecord } from './trace.js';

type Scope = ReadableSpan['instrumentationScope'];

/** What the SDK's processors and exporters take, made of a batch. */
export function* readableSpans({ spans, epoch }: SpanBatch, resource: Resource, scope: Scope): Generator<ReadableSpan> {
  const readable = (step: StepRecord, context: SpanContext, parent: SpanContext | undefined): ReadableSpan => {
    const startTime = hrTime(epoch + step.beganAt);
    const endTime = hrTime(epoch + Math.max(step.beganAt, step.endedAt));
    return {
      name: step.name,
      kind: step.kind,
      spanContext: () => context,
      ...(parent ? { parentSpanContext: parent } : {}),
      startTime,
      endTime,
      duration: hrTime(Math.max(0, step.endedAt - step.beganAt)),
      status: step.error === '' ? unset : failed,
      attributes: attributesOf(step),
      links: none,
      events: none,
      ended: true,
      resource,
      instrumentationScope: scope,
      droppedAttributesCount: 0,
      droppedEventsCount: 0,
      droppedLinksCount: 0,
    };
  };
  for (const span of spans) {
    const { traceId, spanId, parentId, steps } = span;
    const context = { traceId, spanId: spanId || randomHex(8), traceFlags: TraceFlags.SAMPLED };
    const parent = parentId === '' ? undefined : { ...context, spanId: parentId, isRemote: true };
    yield readable(span, context, parent);
    for (const step of steps) yield readable(step, { ...context, spanId: randomHex(8) }, context);
  }
}

const unset = { code: SpanStatusCode.UNSET };
const failed = { code: SpanStatusCode.ERROR };
const none: never[] = [];

function attributesOf({ attributes, error }: StepRecord): Attributes {
  const all: Attributes = {};
  for (let index = 0; index < attributes.length; index += 2) all[String(attributes[index])] = attributes[index + 1];
  if (error !== '') all['error.type'] = error;
  return all;
}

function hrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)];
}
