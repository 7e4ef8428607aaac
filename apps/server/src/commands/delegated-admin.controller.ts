import type { RelationshipCommands } from '#customer-relationship';
import { Guid, ItemId, ListOf, Nested, Optional, Text, Time, Whole } from '#http';
import { Body } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { CommentedBody } from './commented-body.js';
import { SignatureFields } from './reseller-relationship.controller.js';
import { SendCommand } from './send-command.js';
import { Incoming, RelationshipController, Sends, type IncomingCommand } from './sends.js';

// Length, duration and number of roles are rules (G1, G2, G3): the bounds here only keep nonsense out, so that the
// domain can say which rule was broken.
const GrantName = () => Text(200);
const Roles = () => ListOf(Guid(), 0, 100);
const Days = () => Whole(0, 100_000);

class RecordLegacyDelegatedAdminBody extends CommentedBody implements RecordLegacyCommand {
  @ItemId('dap-0001') grantId!: string;
  @Time() effectiveAt!: string;
}
type RecordLegacyCommand = RelationshipCommands['RecordLegacyDelegatedAdmin'];

class RequestDelegatedAdminBody extends CommentedBody implements RequestCommand {
  @ItemId('gdap-0001') grantId!: string;
  @GrantName() name!: string;
  @Roles() roles!: readonly string[];
  @Days() durationDays!: number;
  @Optional(Days()) autoExtendDays?: number;
  @Optional(Time()) effectiveAt?: string;
}
type RequestCommand = RelationshipCommands['RequestDelegatedAdmin'];

class UpdateDelegatedAdminRequestBody extends CommentedBody implements UpdateCommand {
  @Optional(GrantName()) name?: string;
  @Optional(Roles()) roles?: readonly string[];
  @Optional(Days()) durationDays?: number;
  @Optional(Days()) autoExtendDays?: number;
}
type UpdateCommand = Omit<RelationshipCommands['UpdateDelegatedAdminRequest'], 'grantId'>;

class ApproveDelegatedAdminBody extends CommentedBody implements ApproveCommand {
  @Optional(Nested(SignatureFields)) approvedBy?: SignatureFields;
}
type ApproveCommand = Omit<RelationshipCommands['ApproveDelegatedAdmin'], 'grantId'>;

class AssignAccessBody extends CommentedBody implements AssignAccessCommand {
  @ItemId('access-0001') assignmentId!: string;
  @Guid() groupId!: string;
  @Roles() roles!: readonly string[];
}
type AssignAccessCommand = Omit<RelationshipCommands['AssignAccess'], 'grantId'>;

@RelationshipController('delegated-admin')
export class DelegatedAdminController {
  constructor(private readonly commands: CommandBus) {}

  @Sends('RecordLegacyDelegatedAdmin', 'record-legacy', {
    creates: { event: 'DelegatedAdminPrivilegesGranted', at: 'delegated-admin/:grantId' },
  })
  recordLegacy(@Incoming() incoming: IncomingCommand, @Body() body: RecordLegacyDelegatedAdminBody) {
    return this.commands.execute(new SendCommand(incoming, body));
  }

  @Sends('RequestDelegatedAdmin', '', { creates: { event: 'DelegatedAdminRequested', at: 'delegated-admin/:grantId' } })
  request(@Incoming() incoming: IncomingCommand, @Body() body: RequestDelegatedAdminBody) {
    return this.commands.execute(new SendCommand(incoming, body));
  }

  @Sends('UpdateDelegatedAdminRequest', ':grantId/update')
  update(@Incoming() incoming: IncomingCommand, @Body() body: UpdateDelegatedAdminRequestBody) {
    return this.commands.execute(new SendCommand(incoming, body));
  }

  @Sends('LockDelegatedAdminForApproval', ':grantId/lock')
  lock(@Incoming() incoming: IncomingCommand, @Body() body: CommentedBody) {
    return this.commands.execute(new SendCommand(incoming, body));
  }

  @Sends('ApproveDelegatedAdmin', ':grantId/approve')
  approve(@Incoming() incoming: IncomingCommand, @Body() body: ApproveDelegatedAdminBody) {
    return this.commands.execute(new SendCommand(incoming, body));
  }

  @Sends('ExtendDelegatedAdmin', ':grantId/extend')
  extend(@Incoming() incoming: IncomingCommand, @Body() body: CommentedBody) {
    return this.commands.execute(new SendCommand(incoming, body));
  }

  @Sends('TerminateDelegatedAdmin', ':grantId/terminate')
  terminate(@Incoming() incoming: IncomingCommand, @Body() body: CommentedBody) {
    return this.commands.execute(new SendCommand(incoming, body));
  }

  @Sends('ExpireDelegatedAdmin', ':grantId/expire')
  expire(@Incoming() incoming: IncomingCommand, @Body() body: CommentedBody) {
    return this.commands.execute(new SendCommand(incoming, body));
  }

  @Sends('AssignAccess', ':grantId/access-assignments', {
    creates: { event: 'AccessAssignmentCreated', at: 'delegated-admin/:grantId/access-assignments/:assignmentId' },
  })
  assignAccess(@Incoming() incoming: IncomingCommand, @Body() body: AssignAccessBody) {
    return this.commands.execute(new SendCommand(incoming, body));
  }

  @Sends('RemoveAccess', ':grantId/access-assignments/:assignmentId/remove')
  removeAccess(@Incoming() incoming: IncomingCommand, @Body() body: CommentedBody) {
    return this.commands.execute(new SendCommand(incoming, body));
  }
}
