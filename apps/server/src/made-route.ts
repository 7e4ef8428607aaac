import type { Answer } from '#http';

/** A route that is made from a declaration: what would be written `@Get(path) name(@Incoming() incoming, @Query() fields: Fields)`. */
export interface MadeRoute<Target, Incoming, Fields> {
  readonly name: string;
  readonly decorators: readonly MethodDecorator[];
  readonly incoming: ParameterDecorator;
  readonly fields: ParameterDecorator;
  readonly fieldsClass: abstract new () => Fields;
  readonly answer: (target: Target, incoming: Incoming, fields: Fields) => Promise<Answer>;
}

/** Adds the method of a route to its controller. */
export function addRoute<Target extends object, Incoming, Fields>(
  { prototype }: { readonly prototype: Target },
  { name, decorators, incoming, fields, fieldsClass, answer }: MadeRoute<Target, Incoming, Fields>,
): void {
  // A computed key gives the function its name, by which Nest looks for its metadata.
  const methods = {
    [name](this: Target, first: Incoming, second: Fields) {
      return answer(this, first, second);
    },
  };
  const descriptor = Object.getOwnPropertyDescriptor(methods, name)!;
  Object.defineProperty(prototype, name, descriptor);
  incoming(prototype, name, 0);
  fields(prototype, name, 1);
  // The compiler writes this for a declared method: the pipe and the document read the class of the fields there.
  Reflect.defineMetadata('design:paramtypes', [Object, fieldsClass], prototype, name);
  for (const decorate of decorators) decorate(prototype, name, descriptor);
}
