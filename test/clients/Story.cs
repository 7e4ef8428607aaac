using System.Net;
using System.Net.Http.Headers;

/// <summary>Where the server is and who asks (.ci/clients sets them), and what a client must have read.</summary>
public static class Story
{
    public static readonly string BaseUrl = Setting("LEDGER_URL");
    public static readonly Guid PartnerId = Guid.Parse(Setting("PARTNER"));
    public static readonly Guid CustomerId = Guid.Parse(Setting("CUSTOMER"));

    /// <summary>The status of the last answer, which clients hide from their callers.</summary>
    public static HttpStatusCode LastStatus { get; private set; }

    public static HttpClient AsPartner() => ClientWith("PARTNER_TOKEN");

    public static HttpClient AsCustomer() => ClientWith("CUSTOMER_TOKEN");

    /// <summary>A key of its own for every command.</summary>
    public static string Key() => Guid.NewGuid().ToString();

    public static void Expect<T>(string what, T? actual, T expected)
    {
        if (!EqualityComparer<T>.Default.Equals(actual, expected))
            throw new InvalidOperationException($"{what} is {actual?.ToString() ?? "null"} instead of {expected}");
    }

    private static HttpClient ClientWith(string token)
    {
        var client = new HttpClient(new StatusKept { InnerHandler = new HttpClientHandler() });
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Setting(token));
        return client;
    }

    private static string Setting(string name) =>
        Environment.GetEnvironmentVariable(name) ?? throw new InvalidOperationException($"{name} is not set");

    private sealed class StatusKept : DelegatingHandler
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken stop)
        {
            var answer = await base.SendAsync(request, stop);
            LastStatus = answer.StatusCode;
            return answer;
        }
    }
}
