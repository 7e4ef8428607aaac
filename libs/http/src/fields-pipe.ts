import { Injectable, type ArgumentMetadata, type PipeTransform } from '@nestjs/common';
import { validated } from './compiled-fields.js';
import { fieldsOfClass, type FieldsClass } from './fields.js';
import { Problem } from './problem.js';

/** The one pipe: a body or query that is declared with a class of fields is judged by it and arrives as plain data. */
@Injectable()
export class FieldsPipe implements PipeTransform {
  transform(value: unknown, { type, metatype }: ArgumentMetadata): unknown {
    if (type !== 'body' && type !== 'query') return value;
    if (!metatype || metatype === Object) throw new Error(`A ${type} without a class of fields would take anything`);
    // Class-validator knows no class without fields.
    const { value: accepted, errors } =
      fieldsOfClass(metatype as FieldsClass).size === 0
        ? {
            value: {},
            errors: Object.keys(value ?? {}).map((name) => ({ pointer: `/${name}`, detail: 'is not known here' })),
          }
        : validated(metatype as FieldsClass, value ?? {});
    if (!errors || errors.length === 0) return accepted;
    throw new Problem(type === 'body' ? 'InvalidBody' : 'InvalidQuery', {
      errors: type === 'body' ? errors : errors.map(({ pointer, detail }) => ({ pointer: pointer.slice(1), detail })),
    });
  }
}
