/** A part of the document. */
export type Json = Record<string, unknown>;

export type ComponentKind = 'schemas' | 'parameters' | 'headers' | 'responses' | 'requestBodies';

export function ref(kind: ComponentKind, name: string): Json {
  return { $ref: `#/components/${kind}/${name}` };
}

/** The last part of a reference. */
export function nameIn(reference: string): string {
  return reference.split('/').at(-1)!;
}

export const pascalCase = (name: string) => name.charAt(0).toUpperCase() + name.slice(1);
export const camelCase = (name: string) => name.charAt(0).toLowerCase() + name.slice(1);
/** SuspendSubscription: Suspend subscription. */
export const sentenceCase = (name: string) => name.replace(/\B[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

/** A path that Nest knows, as the document writes it. */
export const inDocument = (path: string) => `/${path.replace(/:(\w+)/g, '{$1}')}`;
