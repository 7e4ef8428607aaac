import type { TraceSettings } from './settings.js';
import { isSampled, type TraceParent } from './trace.js';

/** Whether a trace is sampled here. */
export type SampleRoot = (traceId: string, parent: TraceParent | undefined) => boolean;

/** The sampler of the SDK that the settings name. The SDK is loaded here, and only where something is traced. */
export async function samplerOf({ sampler: name, ratio }: TraceSettings): Promise<SampleRoot> {
  const [{ ROOT_CONTEXT, SpanKind, trace }, sdk] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-trace'),
  ]);
  const ofRoots = name.endsWith('always_on')
    ? new sdk.AlwaysOnSampler()
    : name.endsWith('always_off')
      ? new sdk.AlwaysOffSampler()
      : new sdk.TraceIdRatioBasedSampler(ratio);
  const sampler = name.startsWith('parentbased_') ? new sdk.ParentBasedSampler({ root: ofRoots }) : ofRoots;
  return (traceId, parent) => {
    const context = parent
      ? trace.setSpanContext(ROOT_CONTEXT, {
          traceId,
          spanId: parent.spanId,
          traceFlags: isSampled(parent.flags) ? 1 : 0,
          isRemote: true,
        })
      : ROOT_CONTEXT;
    const { decision } = sampler.shouldSample(context, traceId, '', SpanKind.SERVER, {}, []);
    return decision === sdk.SamplingDecision.RECORD_AND_SAMPLED;
  };
}
