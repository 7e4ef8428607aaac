import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

interface Mount {
  readonly type: string;
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
}

interface Written {
  readonly image?: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly (string | { type: string; source: string; target: string; read_only?: boolean })[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly restart?: string;
  readonly stop_grace_period?: string;
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly init?: boolean;
  readonly user?: string;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly cap_add?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly network_mode?: string;
  readonly networks?: Readonly<Record<string, { readonly ipv4_address: string }>>;
  readonly deploy?: { readonly resources: { readonly limits: Readonly<Record<string, unknown>> } };
  readonly logging?: { readonly options: Readonly<Record<string, string>> };
}

export interface Service extends Omit<Written, 'volumes'> {
  readonly mounts: readonly Mount[];
}

export interface ComposeFile {
  readonly name: string;
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
  readonly configs?: Readonly<Record<string, { readonly content: string }>>;
}

/** A compose file as it is written, before variables are put in; anchors and merges are resolved. */
export function composeFile(path: string): ComposeFile {
  // Merges belong to YAML 1.1; so does the reading of a plain `no` as false, which the files must not depend on.
  const file = parse(readFileSync(path, 'utf8'), { version: '1.1' }) as Omit<ComposeFile, 'services'> & {
    readonly services: Readonly<Record<string, Written>>;
  };
  return {
    ...file,
    services: Object.fromEntries(
      Object.entries(file.services).map(([name, { volumes = [], ...service }]) => [
        name,
        { ...service, mounts: volumes.map(mountOf) },
      ]),
    ),
  };
}

function mountOf(volume: NonNullable<Written['volumes']>[number]): Mount {
  if (typeof volume !== 'string') {
    const { type, source, target, read_only: readOnly = false } = volume;
    return { type, source, target, readOnly };
  }
  const [source = '', target = '', mode] = volume.split(':');
  return { type: /^[./]/.test(source) ? 'bind' : 'volume', source, target, readOnly: mode === 'ro' };
}

/** A value with variables as the engine fills it in. @throws Error for one that has no default and is not set */
export function filledIn(value: string, set: Readonly<Record<string, string>> = {}): string {
  return value.replace(/\$\{(\w+)(?::([-?+])([^}]*))?\}/g, (_, name: string, operator?: string, otherwise = '') => {
    const given = set[name];
    if (operator === '+') return given ? (otherwise as string) : '';
    if (given) return given;
    if (operator === '-') return otherwise as string;
    throw new Error(`${name} ${String(otherwise)}`);
  });
}
