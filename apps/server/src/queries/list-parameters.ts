import { FlagText, Guid, Matching, OneOf, Optional, Text, Time, type Field, type FieldsClass } from '#http';
import type { Accepts } from '#read-models';
import type { FoundList } from './list-routes.js';
import { PageParameters } from './parameters.js';

/** The class of a list's parameters: those of every page, its filters, and its sort where there is a choice. */
export function parametersOf({ operation, list, ofCustomer }: FoundList): FieldsClass<PageParameters> {
  const { sorts, filters } = list;
  const parameters = class extends PageParameters {};
  Object.defineProperty(parameters, 'name', { value: `${operation}Parameters` });
  const declare = (name: string, field: Field) => Optional(field)(parameters.prototype, name);
  if (sorts.length > 1) declare('sort', OneOf(sorts));
  for (const [name, { accepts }] of Object.entries(filters))
    // The path names the customer.
    if (!(ofCustomer && name === 'customerId')) declare(name, fieldOf(accepts));
  return parameters;
}

function fieldOf(accepts: Accepts): Field {
  switch (accepts.kind) {
    case 'guid':
      return Guid();
    case 'flag':
      return FlagText();
    case 'time':
      return Time();
    case 'text':
      return Text(accepts.max);
    case 'oneOf':
      return OneOf(accepts.words);
    case 'matching':
      return Matching(accepts.pattern, accepts.what, accepts.example);
  }
}
