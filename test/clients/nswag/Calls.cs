using System.Net;
using Ledger.NSwag;
using static Story;

var partner = new LedgerClient(AsPartner()) { BaseUrl = BaseUrl };
var customer = new LedgerClient(AsCustomer()) { BaseUrl = BaseUrl };

var requested = await partner.RequestResellerRelationshipAsync(
    CustomerId,
    new RequestResellerRelationshipBody
    {
        Customer = new CustomerFields { Name = "Contoso Bakery", Domain = "contoso.example" },
        Market = "US",
    },
    idempotency_Key: Key());
Expect("The status after the request", requested.Relationship.Status, "requested");
var accepted = await customer.AcceptResellerRelationshipOfPartnerAsync(
    PartnerId, CustomerId, idempotency_Key: Key(), body: new AcceptResellerRelationshipBody());
Expect("The status after the acceptance", accepted.Relationship.Status, "active");
await partner.ConfirmCustomerAgreementAsync(CustomerId, idempotency_Key: Key(), body: new ConfirmCustomerAgreementBody());

var purchased = await partner.PurchaseSubscriptionAsync(
    CustomerId,
    new PurchaseSubscriptionBody
    {
        SubscriptionId = "mail-1",
        Kind = PurchaseSubscriptionBodyKind.Legacy,
        OfferId = "exchange-plan-1",
        Name = "Exchange Online",
        Quantity = 25,
        TermDuration = PurchaseSubscriptionBodyTermDuration.P1Y,
        Provisioned = true,
    },
    idempotency_Key: Key());
Expect("The HTTP status of the purchase", LastStatus, HttpStatusCode.Created);
Expect("The first event of the purchase", purchased.Events.First(), "SubscriptionPurchased");

var listed = await partner.ListItemsOfCustomerAsync(CustomerId, atLeast: purchased.Position);
Expect("The first item", listed.Items.First().ItemId, "mail-1");

try
{
    await partner.RemoveResellerRelationshipAsync(
        CustomerId, idempotency_Key: Key(), if_Match: "*", body: new RemoveResellerRelationshipBody());
    throw new InvalidOperationException("The removal has not been refused");
}
catch (ApiException<Problem> refusal)
{
    Expect("The code of the refusal", refusal.Result.Code, "RemovalBlocked");
    Expect("The remedy of the first blocker", refusal.Result.Blockers?.First().RemedyCommand, "SuspendSubscription");
}

var tried = await partner.SuspendSubscriptionAsync(
    CustomerId,
    "mail-1",
    new SuspendSubscriptionBody { Reason = SuspendSubscriptionBodyReason.CustomerRequest },
    dryRun: true);
Expect("DryRun", tried.DryRun, true);
Expect("The first event that it would record", tried.WouldRecord?.First().Type, "SubscriptionSuspended");
