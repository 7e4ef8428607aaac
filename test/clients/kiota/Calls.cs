using System.Net;
using Ledger.Kiota;
using Ledger.Kiota.Models;
using Microsoft.Kiota.Abstractions.Authentication;
using Microsoft.Kiota.Http.HttpClientLibrary;
using static Story;

var partner = ClientWith(AsPartner());
var customer = ClientWith(AsCustomer());
var relationship = partner.V1.Customers[CustomerId];

var requested = await relationship.ResellerRelationship.Request.PostAsync(
    new RequestResellerRelationshipBody
    {
        Customer = new CustomerFields { Name = "Contoso Bakery", Domain = "contoso.example" },
        Market = "US",
    },
    to => to.Headers.Add("Idempotency-Key", Key()));
Expect("The status after the request", requested?.Relationship?.Status, "requested");
var accepted = await customer.V1.Partners[PartnerId].Customers[CustomerId].ResellerRelationship.Accept.PostAsync(
    new AcceptResellerRelationshipBody(), to => to.Headers.Add("Idempotency-Key", Key()));
Expect("The status after the acceptance", accepted?.Relationship?.Status, "active");
await relationship.Agreement.Confirm.PostAsync(
    new ConfirmCustomerAgreementBody(), to => to.Headers.Add("Idempotency-Key", Key()));

var purchased = await relationship.Subscriptions.PostAsync(
    new PurchaseSubscriptionBody
    {
        SubscriptionId = "mail-1",
        Kind = PurchaseSubscriptionBody_kind.Legacy,
        OfferId = "exchange-plan-1",
        Name = "Exchange Online",
        Quantity = 25,
        TermDuration = PurchaseSubscriptionBody_termDuration.P1Y,
        Provisioned = true,
    },
    to => to.Headers.Add("Idempotency-Key", Key()));
Expect("The HTTP status of the purchase", LastStatus, HttpStatusCode.Created);
Expect("The first event of the purchase", purchased?.Events?[0], "SubscriptionPurchased");

var listed = await relationship.Items.GetAsync(to => to.QueryParameters.AtLeast = purchased?.Position);
Expect("The first item", listed?.Items?[0].ItemId, "mail-1");

try
{
    await relationship.ResellerRelationship.Remove.PostAsync(
        new RemoveResellerRelationshipBody(),
        to =>
        {
            to.Headers.Add("Idempotency-Key", Key());
            to.Headers.Add("If-Match", "*");
        });
    throw new InvalidOperationException("The removal has not been refused");
}
catch (Problem refusal)
{
    Expect("The code of the refusal", refusal.Code, "RemovalBlocked");
    Expect("The remedy of the first blocker", refusal.Blockers?[0].RemedyCommand, "SuspendSubscription");
}

var tried = await relationship.Subscriptions["mail-1"].Suspend.PostAsync(
    new SuspendSubscriptionBody { Reason = SuspendSubscriptionBody_reason.CustomerRequest },
    to => to.QueryParameters.DryRun = true);
Expect("DryRun", tried?.DryRun, true);
Expect("The first event that it would record", tried?.WouldRecord?[0].Type, "SubscriptionSuspended");

static LedgerClient ClientWith(HttpClient http) =>
    new(new HttpClientRequestAdapter(new AnonymousAuthenticationProvider(), httpClient: http) { BaseUrl = BaseUrl });
