import { Injectable, type ArgumentMetadata, type PipeTransform } from '@nestjs/common';
import { validated } from './validated.js';
import type { FieldsClass } from './fields.js';
import { Problem } from './problem.js';

/** The one pipe: checks a body or query against its class of fields. Handlers get plain data. */
@Injectable()
export class FieldsPipe implements PipeTransform {
  transform(value: unknown, { type, metatype }: ArgumentMetadata): unknown {
    if (type !== 'body' && type !== 'query') return value;
    if (!metatype || metatype === Object) throw new Error(`A ${type} without a class of fields would take anything`);
    const { value: accepted, errors } = validated(metatype as FieldsClass, value ?? {});
    if (!errors) return accepted;
    throw new Problem(type === 'body' ? 'InvalidBody' : 'InvalidQuery', {
      errors: type === 'body' ? errors : errors.map(({ pointer, detail }) => ({ pointer: pointer.slice(1), detail })),
    });
  }
}
