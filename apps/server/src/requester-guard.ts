import { Injectable, SetMetadata, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { ServedLedger } from './served-ledger.js';
import { requesterOf, type PathIds } from './requester.js';

/**
 * The one guard: it makes the requester from the token's tenant and the path. The tenant is the partner, or the customer of
 * a partner that the path names. What belongs to another partner or customer does not exist for the caller (404).
 */
@Injectable()
export class RequesterGuard implements CanActivate {
  constructor(private readonly ledger: ServedLedger) {}

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const { caller } = request.call;
    // Only a route outside /v1/ has no caller.
    if (!caller || Reflect.getMetadata(ofManyRequesters, context.getHandler())) return true;
    const requester = requesterOf(caller, request.params as PathIds, this.ledger.partners);
    request.requester = requester;
    request.call.partnerId = requester.partner.tenantId;
    return true;
  }
}

const ofManyRequesters = 'ledger:ofManyRequesters';

/** A route whose requests have a requester for each of their items. */
export const OfManyRequesters = (): MethodDecorator => SetMetadata(ofManyRequesters, true);
