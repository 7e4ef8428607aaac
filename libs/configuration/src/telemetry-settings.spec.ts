import { describe, expect, it } from '@jest/globals';
import { StartupFailure } from '#program';
import { telemetryFrom } from './telemetry-settings.js';

const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' };
const faultsOf = (env: Record<string, string>) => {
  try {
    return telemetryFrom(env);
  } catch (error) {
    if (error instanceof StartupFailure) return error.message;
    throw error;
  }
};

describe('what is exported', () => {
  it.each<Record<string, string>>([
    {},
    { OTEL_SERVICE_NAME: 'ledger', OTEL_TRACES_SAMPLER: 'always_on' },
    { ...endpoint, OTEL_SDK_DISABLED: 'true' },
    { ...endpoint, OTEL_TRACES_EXPORTER: 'none', OTEL_METRICS_EXPORTER: 'none' },
  ])('is nothing with %j', (env) => {
    expect(telemetryFrom(env)).toBeUndefined();
  });

  it('is traces and metrics with an endpoint, each below it', () => {
    expect(telemetryFrom({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318/' })).toMatchObject({
      resource: {},
      traces: {
        target: { url: 'http://collector:4318/v1/traces', protocol: 'http/protobuf', headers: {}, compression: 'none' },
        sampler: 'parentbased_always_on',
        ratio: 1,
      },
      metrics: { target: { url: 'http://collector:4318/v1/metrics' }, intervalMs: 60_000 },
    });
  });

  it('goes where each signal is to go, with its headers and names', () => {
    const settings = telemetryFrom({
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://traces.example/otlp',
      OTEL_EXPORTER_OTLP_HEADERS: 'tenant=one, authorization=Bearer%20one',
      OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'authorization=Bearer%20two%2C%3D',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test,service.name=overruled',
      OTEL_SERVICE_NAME: 'ledger',
      OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '0.25',
    });
    expect(settings).toMatchObject({
      resource: { 'deployment.environment.name': 'test', 'service.name': 'ledger' },
      traces: {
        target: { url: 'https://traces.example/otlp', headers: { tenant: 'one', authorization: 'Bearer two,=' } },
        ratio: 0.25,
      },
    });
    expect(settings).not.toHaveProperty('metrics');
  });

  it.each<[Record<string, string>, RegExp]>([
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4317' }, /OTEL_EXPORTER_OTLP_ENDPOINT must be a URL/],
    [{ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }, /OTEL_EXPORTER_OTLP_PROTOCOL must be one of http\/protobuf, http\/json/],
    [{ OTEL_TRACES_SAMPLER: 'jaeger_remote' }, /OTEL_TRACES_SAMPLER must be one of always_on/],
    [{ OTEL_TRACES_SAMPLER_ARG: '1.5' }, /OTEL_TRACES_SAMPLER_ARG must be a number from 0 to 1/],
    [{ OTEL_BSP_MAX_QUEUE_SIZE: '10', OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '11' }, /BATCH_SIZE must not be more than/],
    [{ OTEL_RESOURCE_ATTRIBUTES: 'nothing' }, /OTEL_RESOURCE_ATTRIBUTES must be names with = and values/],
    [{ OTEL_EXPORTER_OTLP_HEADERS: 'hidden-word' }, /OTEL_EXPORTER_OTLP_HEADERS must be names with = and values/],
    [{ OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'key=%zz-hidden-word' }, /TRACES_HEADERS must be names/],
  ])('has a fault with %j', (env, fault) => {
    const said = faultsOf({ ...endpoint, ...env });
    expect(said).toMatch(fault);
    expect(said).not.toContain('hidden-word');
  });
});
