import type { RelayedSignature, RelationshipCommands } from '#customer-relationship';
import { Flag, Guid, Matching, Nested, Optional, PrincipalId, Text, Time } from '#http';
import { Body } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { CommentedBody } from './commented-body.js';
import { SendCommand } from './send-command.js';
import { Incoming, RelationshipController, Sends, type IncomingCommand } from './sends.js';

// The last label is letters, or an internationalised one in its ASCII form.
const domainName =
  /^(?=.{1,253}$)([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+([A-Za-z]{2,63}|[Xx][Nn]--[A-Za-z0-9-]{0,58}[A-Za-z0-9])$/;
const Domain = () => Matching(domainName, 'a domain name such as contoso.example', 'contoso.example');
const DomainOrNone = () =>
  Matching(
    new RegExp(`^$|${domainName.source}`),
    'a domain name such as contoso.example, or empty, which clears it',
    'contoso.example',
  );
const Market = () => Matching(/^[A-Z]{2}$/, 'a country or region code of ISO 3166-1 such as US', 'US');

class CustomerFields {
  @Text(200) name!: string;
  @Optional(Domain()) domain?: string;
}

class RequestResellerRelationshipBody extends CommentedBody implements RequestCommand {
  @Nested(CustomerFields) customer!: CustomerFields;
  @Market() market!: string;
  @Optional(Flag()) delegatedAdmin?: boolean;
  @Optional(Guid()) indirectResellerId?: string;
  @Optional(Time()) effectiveAt?: string;
}
type RequestCommand = RelationshipCommands['RequestResellerRelationship'];

/** A decision of the customer's that an app of the partner relays: who decided, and whether as Global admin. */
export class SignatureFields implements RelayedSignature {
  @PrincipalId() userId!: string;
  @Flag() globalAdmin!: boolean;
}

class AcceptResellerRelationshipBody extends CommentedBody implements AcceptCommand {
  @Optional(Nested(SignatureFields)) acceptedBy?: SignatureFields;
}
type AcceptCommand = RelationshipCommands['AcceptResellerRelationship'];

class DeclineResellerRelationshipBody extends CommentedBody implements DeclineCommand {
  @Optional(Nested(SignatureFields)) declinedBy?: SignatureFields;
}
type DeclineCommand = RelationshipCommands['DeclineResellerRelationship'];

class RemoveResellerRelationshipBody extends CommentedBody implements RemoveCommand {
  @Optional(Flag()) noticeGiven?: boolean;
}
type RemoveCommand = RelationshipCommands['RemoveResellerRelationship'];

class ConfirmCustomerAgreementBody extends CommentedBody implements ConfirmCommand {
  @Optional(Time()) agreedAt?: string;
}
type ConfirmCommand = RelationshipCommands['ConfirmCustomerAgreement'];

class UpdateCustomerProfileBody extends CommentedBody implements UpdateCommand {
  @Optional(Text(200)) name?: string;
  @Optional(DomainOrNone()) domain?: string;
}
type UpdateCommand = RelationshipCommands['UpdateCustomerProfile'];

@RelationshipController('reseller-relationship')
export class ResellerRelationshipController {
  constructor(private readonly commands: CommandBus) {}

  @Sends('RequestResellerRelationship', 'request')
  request(@Incoming() incoming: IncomingCommand, @Body() body: RequestResellerRelationshipBody) {
    return this.commands.execute(new SendCommand(incoming, body));
  }

  @Sends('AcceptResellerRelationship', 'accept')
  accept(@Incoming() incoming: IncomingCommand, @Body() body: AcceptResellerRelationshipBody) {
    return this.commands.execute(new SendCommand(incoming, body));
  }

  @Sends('DeclineResellerRelationship', 'decline')
  decline(@Incoming() incoming: IncomingCommand, @Body() body: DeclineResellerRelationshipBody) {
    return this.commands.execute(new SendCommand(incoming, body));
  }

  @Sends('WithdrawRelationshipRequest', 'withdraw')
  withdraw(@Incoming() incoming: IncomingCommand, @Body() body: CommentedBody) {
    return this.commands.execute(new SendCommand(incoming, body));
  }

  @Sends('ExpireRelationshipRequest', 'expire')
  expire(@Incoming() incoming: IncomingCommand, @Body() body: CommentedBody) {
    return this.commands.execute(new SendCommand(incoming, body));
  }

  @Sends('RemoveResellerRelationship', 'remove', { needsIfMatch: true })
  remove(@Incoming() incoming: IncomingCommand, @Body() body: RemoveResellerRelationshipBody) {
    return this.commands.execute(new SendCommand(incoming, body));
  }
}

@RelationshipController('agreement')
export class AgreementController {
  constructor(private readonly commands: CommandBus) {}

  @Sends('ConfirmCustomerAgreement', 'confirm')
  confirm(@Incoming() incoming: IncomingCommand, @Body() body: ConfirmCustomerAgreementBody) {
    return this.commands.execute(new SendCommand(incoming, body));
  }
}

@RelationshipController('profile')
export class ProfileController {
  constructor(private readonly commands: CommandBus) {}

  @Sends('UpdateCustomerProfile', 'update')
  update(@Incoming() incoming: IncomingCommand, @Body() body: UpdateCustomerProfileBody) {
    return this.commands.execute(new SendCommand(incoming, body));
  }
}
