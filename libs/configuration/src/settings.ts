import { fieldsOfClass, validated, type FieldsClass } from '#http';
import { shown } from '#event-log';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Variables of the environment as they are given, before their forms are checked. An empty one is not there. */
export type Given<Variables> = { readonly [Name in keyof Variables]?: string };

/** The settings of one concern, and in a line each what is wrong with the variables. */
export interface Settled<Settings> {
  readonly settings: Settings;
  readonly faults: readonly string[];
}

/** The variables of a class in their forms, without those that have a fault. */
export function valuesOf<Variables extends object>(concern: FieldsClass<Variables>, env: Environment) {
  const names = [...fieldsOfClass(concern).keys()];
  const given = Object.fromEntries(names.flatMap((name) => (env[name] ? [[name, env[name]]] : [])));
  const { value, errors = [] } = validated(concern, given);
  return {
    value: (value ?? {}) as Variables,
    given: given as Given<Variables>,
    faults: errors.map(({ pointer, detail }) => {
      const name = pointer.slice(1);
      return `${name} ${detail}, but is ${shown(given[name] ?? '')}`;
    }),
  };
}
