import { Injectable, SetMetadata, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { ServedLedger } from './served-ledger.js';
import { requesterOf, type PathIds } from './requester.js';

/**
 * The one guard: from the token's tenant and the path to a requester. A partner is the token's tenant; a customer's people name
 * the partner in the path. Whatever belongs to another partner or customer does not exist for the caller (404).
 */
@Injectable()
export class RequesterGuard implements CanActivate {
  constructor(private readonly ledger: ServedLedger) {}

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const { caller } = request.call;
    // Authentication has let it through without one: a route outside /v1/.
    if (!caller || Reflect.getMetadata(ofManyRequesters, context.getHandler())) return true;
    const requester = requesterOf(caller, request.params as PathIds, this.ledger.partners);
    request.requester = requester;
    request.call.partnerId = requester.partner.tenantId;
    return true;
  }
}

const ofManyRequesters = 'ledger:ofManyRequesters';

/** A route whose requests name a requester each for many things that they ask for. */
export const OfManyRequesters = (): MethodDecorator => SetMetadata(ofManyRequesters, true);
