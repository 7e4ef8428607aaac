import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { journeysOver } from './journey-store.js';
import { establish, runServer, subscription, type RunningServer } from './running-server.js';

// What is delivered to watch a ledger with: rules and a dashboard name metrics and labels that a server has.

const directory = 'docker/observability';
interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly runbook: string };
}
const rules = (
  parse(readFileSync(`${directory}/alerts.yaml`, 'utf8')) as { groups: readonly { rules: readonly Rule[] }[] }
).groups.flatMap((group) => group.rules);
const { panels } = JSON.parse(readFileSync(`${directory}/dashboard.json`, 'utf8')) as {
  panels: readonly { title: string; targets: readonly { expr: string; legendFormat: string }[] }[];
};

const queries = [
  ...rules.map(({ alert, expr }) => [alert, expr] as const),
  ...panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [title, expr] as const)),
];

/** Only over a database, or only without one. */
const ofKurrentdb = /^ledger_store_(resent_appends|unknown_outcomes|appends_in_flight|resubscriptions|clients_rebuilt)/;
const ofSqlite = /^ledger_store_(commits|failed_commits|queued_appends|wal_bytes|failed_checkpoints)/;
const ofOthers = journeysOver === 'sqlite' ? ofKurrentdb : ofSqlite;
/** What Prometheus adds, and the parts of a histogram. */
const ofPrometheus = ['job', 'instance', 'le'];

const hasPromtool = spawnSync('promtool', ['--version']).status === 0;
const withPromtool = hasPromtool ? it : it.skip;
const named = (what: string) => (hasPromtool ? what : `${what} (skipped: this machine has no promtool)`);
const promtool = (args: readonly string[], input?: string) => {
  const { status, stdout, stderr } = spawnSync('promtool', args, { encoding: 'utf8', ...(input ? { input } : {}) });
  return { status, said: `${stdout}${stderr}` };
};

describe('what a ledger is watched with', () => {
  let server: RunningServer;
  let text: string;
  const names = new Set<string>();
  const labels = new Set<string>(ofPrometheus);
  beforeAll(async () => {
    server = await runServer({ env: { METRICS_PORT: '0' } });
    const path = await establish(server);
    await server.post(`${path}/subscriptions`, subscription('watched'));
    text = await (await fetch(/Metrics +(\S+)/.exec(server.output())![1]!)).text();
    for (const [, name, pairs = ''] of text.matchAll(/^([a-z_][a-z0-9_]*)(?:\{([^\n]*)\})? \S+$/gm)) {
      names.add(name!);
      for (const [, label] of pairs.matchAll(/([a-z_]+)="/g)) labels.add(label!);
    }
    for (const [, name] of text.matchAll(/^# TYPE (\S+) (?:counter|gauge)$/gm)) names.add(name!);
    // Of a counter that stands at no value yet.
    for (const label of ['view', 'outcome', 'connection']) labels.add(label);
  });
  afterAll(() => server.end());

  it('are metrics and labels that the server has', () => {
    const unknown = queries.flatMap(([where, query]) => [
      ...[...query.matchAll(/\b(?:ledger|http|nodejs|process)_[a-z0-9_]+\b(?!\s*(?:=|!|,|\)\s*\())/g)]
        .map(([name]) => name)
        .filter((name) => !names.has(name) && !labels.has(name) && !ofOthers.test(name))
        .map((name) => [where, name]),
      ...[...query.matchAll(/[{,]\s*([a-z_]+)\s*(?:=~?|!~|!=)\s*"/g), ...query.matchAll(/\bby \(([^)]*)\)/g)]
        .flatMap(([, list]) => list!.split(/,\s*/))
        .filter((label) => !labels.has(label))
        .map((label) => [where, label]),
    ]);
    expect(unknown).toEqual([]);
    expect(queries.length).toBeGreaterThan(50);
  });

  it('show every metric of the ledger somewhere, but for those that are listed here', () => {
    const all = queries.map(([, query]) => query).join('\n');
    const unseen = [...text.matchAll(/^# TYPE ((?:ledger|http)_\S+) \w+$/gm)]
      .map(([, name]) => name!)
      .filter((name) => !all.includes(name));
    expect(unseen.sort()).toEqual(
      [
        'ledger_cached_tokens',
        'ledger_past_views_kept_bytes',
        ...(journeysOver === 'sqlite' ? ['ledger_store_uncheckpointed_pages'] : []),
      ].sort(),
    );
  });

  withPromtool(named('are served in a form that promtool finds nothing wrong with'), () => {
    expect(promtool(['check', 'metrics'], text)).toEqual({ status: 0, said: '' });
  });

  withPromtool(named('are rules that fire when they should and stay silent otherwise'), () => {
    expect(promtool(['check', 'config', `${directory}/prometheus.yaml`])).toMatchObject({ status: 0 });
    expect(promtool(['test', 'rules', `${directory}/alerts-test.yaml`])).toMatchObject({ status: 0 });
    const tests = readFileSync(`${directory}/alerts-test.yaml`, 'utf8');
    for (const { alert } of rules)
      expect(['fires', 'stays silent'].filter((kind) => !tests.includes(`name: ${alert} ${kind}`))).toEqual([]);
  });

  it('say what to do: every rule has its part in the manual, and no part is without a rule', () => {
    const manual = readFileSync('docs/operating.md', 'utf8');
    const part = manual.split('\n### Alerts\n')[1]!.split(/\n###? (?!#)/)[0]!;
    const anchors = [...part.matchAll(/^#### (.+)$/gm)].map(([, title]) => title!.toLowerCase().replaceAll(' ', '-'));
    expect(rules.map(({ annotations }) => annotations.runbook).sort()).toEqual(
      anchors.map((anchor) => `docs/operating.md#${anchor}`).sort(),
    );
    for (const { alert } of rules) expect(part).toContain(`\`${alert}\``);
  });
});
